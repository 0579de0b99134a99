// Steps of a recurrence: h = a(z + product, b), and backwards delta = a'(h) (g + product), in one pass
// after the product or, for few states, together with it. Activations are told by number; 0 is the
// identity.

constexpr int TANH = 1, RELU = 2, MODRELU = 3;

__device__ inline float tanh_of(float z) { return tanhf(z); }
__device__ inline double tanh_of(double z) { return tanh(z); }

template <typename R>
__device__ R epsilon() {
  return sizeof(R) == 4 ? R(1.1920928955078125e-07) : R(2.220446049250313e-16);
}

// max(a, 0), NaN for NaN
template <typename R>
__device__ R positive(R a) {
  return a <= 0 ? R(0) : a;
}

template <typename T, int A>
__device__ T activate(T z, Real<T> b) {
  if constexpr (A == TANH) {
    return tanh_of(z);
  } else if constexpr (A == RELU) {
    return positive(z);
  } else if constexpr (A == MODRELU) {
    Real<T> size = size_of(z);
    return size == 0 ? make<T>(0, 0) : positive(size + b) * phase_of(z);
  } else {
    return z;
  }
}

// The cotangent of z, given that of h. For complex modReLU, with r = |h| - b the modulus of z and u
// its phase, the part of g along u stays and the rest is scaled by |h|/r; by 1 where r is rounding.
template <typename T, int A>
__device__ T pull(T g, T h, Real<T> b) {
  if constexpr (A == TANH) {
    return (1 - h * h) * g;
  } else if constexpr (A == RELU) {
    return g * T(h > 0);
  } else if constexpr (A == MODRELU) {
    Real<T> size = size_of(h);
    if constexpr (sizeof(T) != sizeof(Real<T>)) {
      Real<T> r = size - b;
      Real<T> ratio = r > 8 * epsilon<Real<T>>() * size ? b / r : Real<T>(0);
      T u = phase_of(h);
      g = g + ratio * (g - dot(u, g) * u);
    }
    return Real<T>(size != 0) * g;
  } else {
    return g;
  }
}

// z, product, h: rows of n entries, `count` entries in all. b: n entries, or null.
template <typename T, int A>
__global__ void apply(const T* z, const T* product, const Real<T>* b, T* h, long long count,
                      long long n) {
  long long k = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (k < count) h[k] = activate<T, A>(z[k] + product[k], b ? b[k % n] : Real<T>(0));
}

// g and product may be null, which is zero.
template <typename T, int A>
__global__ void retrace(const T* g, const T* product, const T* h, const Real<T>* b, T* delta,
                        long long count, long long n) {
  long long k = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (k >= count) return;
  T total = g ? g[k] : make<T>(0, 0);
  if (product) total = total + product[k];
  delta[k] = pull<T, A>(total, h[k], b ? b[k % n] : Real<T>(0));
}

// The product x M^T of a step. A block makes 4R rows by 4C columns of it. Each of its eight warps
// takes an eighth of the sum, each half of a warp half of that, and each lane R by C entries. Rows of
// x and M pass through shared memory in packs of 16 bytes, P packs of each at once; the next ones are
// on their way meanwhile.

template <typename T>
struct alignas(16) Pack {
  T at[16 / sizeof(T)];
};

constexpr int SLICES = 8;

// What a thread brings of the packs from `start` on: lines of x, then of M, zero beyond their ends.
template <typename T, int R, int C, int P>
__device__ void fetch(Pack<T>* brought, const T* x, const T* M, long long row, long long column,
                      long long rows, long long n, long long start) {
  long long packs = n / (16 / sizeof(T));
#pragma unroll
  for (int a = 0; a < (R + C) / 2; ++a) {
    int line = threadIdx.y + SLICES * a;
    bool upper = line < 4 * R;
    long long at = upper ? row + line : column + line - 4 * R;
    const Pack<T>* from = reinterpret_cast<const Pack<T>*>((upper ? x : M) + at * n);
#pragma unroll
    for (int q = 0; q < P / 32; ++q) {
      long long pack = start + threadIdx.x + 32 * q;
      Pack<T> zero = {};
      bool inside = at < (upper ? rows : n) && pack < packs;
      brought[a * (P / 32) + q] = inside ? from[pack] : zero;
    }
  }
}

template <typename T, int R, int C, int P>
__device__ void put(const Pack<T>* brought, Pack<T>* lines) {
#pragma unroll
  for (int a = 0; a < (R + C) / 2; ++a)
#pragma unroll
    for (int q = 0; q < P / 32; ++q)
      lines[(threadIdx.y + SLICES * a) * (P + 1) + threadIdx.x + 32 * q] =
          brought[a * (P / 32) + q];
}

template <typename T, int R, int C, int P>
__device__ void multiply(T (*sums)[C], const Pack<T>* lines) {
  int half = threadIdx.x / 16, up = threadIdx.x / 4 % 4, right = threadIdx.x % 4;
#pragma unroll
  for (int q = 0; q < P / 16; ++q) {
    const Pack<T>* from = lines + threadIdx.y * (P / 8) + 2 * q + half;
    Pack<T> a[R], b[C];
#pragma unroll
    for (int i = 0; i < R; ++i) a[i] = from[(up + 4 * i) * (P + 1)];
#pragma unroll
    for (int j = 0; j < C; ++j) b[j] = from[(4 * R + right + 4 * j) * (P + 1)];
#pragma unroll
    for (int k = 0; k < 16 / sizeof(T); ++k)
#pragma unroll
      for (int i = 0; i < R; ++i)
#pragma unroll
        for (int j = 0; j < C; ++j) sums[i][j] = sums[i][j] + a[i].at[k] * b[j].at[k];
  }
}

// Leave the eighths of the sums of all entries in shared memory, one after another.
template <typename T, int R, int C, int P>
__device__ void product(const T* x, const T* M, long long row, long long column, long long rows,
                        long long n) {
  Pack<T>* lines = shared<Pack<T>>();
  Pack<T> brought[(R + C) / 2 * (P / 32)];
  T sums[R][C] = {};
  long long packs = n / (16 / sizeof(T));
  fetch<T, R, C, P>(brought, x, M, row, column, rows, n, 0);
  for (long long start = 0; start < packs; start += P) {
    put<T, R, C, P>(brought, lines);
    __syncthreads();
    if (start + P < packs) fetch<T, R, C, P>(brought, x, M, row, column, rows, n, start + P);
    multiply<T, R, C, P>(sums, lines);
    __syncthreads();
  }
  T* parts = shared<T>() + threadIdx.y * (16 * R * C);
  int up = threadIdx.x / 4 % 4, right = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < R; ++i)
#pragma unroll
    for (int j = 0; j < C; ++j) {
      T sum = sums[i][j] + from_lane(sums[i][j], 16);
      if (threadIdx.x < 16) parts[(up + 4 * i) * (4 * C) + right + 4 * j] = sum;
    }
  __syncthreads();
}

template <typename T, int R, int C>
__device__ T total(int entry) {
  T sum = make<T>(0, 0);
#pragma unroll
  for (int slice = 0; slice < SLICES; ++slice) sum = sum + shared<T>()[slice * 16 * R * C + entry];
  return sum;
}

// The next states, from the last ones x and W = M.
template <typename T, int A, int R, int C, int P>
__global__ void advance(const T* x, const T* M, const T* z, const Real<T>* b, T* h, long long rows,
                        long long n) {
  long long across = (n + 4 * C - 1) / (4 * C);
  long long row = blockIdx.x / across * (4 * R), column = blockIdx.x % across * (4 * C);
  product<T, R, C, P>(x, M, row, column, rows, n);
  for (int e = threadIdx.y * 32 + threadIdx.x; e < 16 * R * C; e += 32 * SLICES) {
    long long i = row + e / (4 * C), j = column + e % (4 * C), k = i * n + j;
    if (i < rows && j < n)
      h[k] = activate<T, A>(z[k] + total<T, R, C>(e), b ? b[j] : Real<T>(0));
  }
}

// The cotangents one step earlier, from those in x and W^H = M. `g`, `carried` and `delta` may be null.
template <typename T, int A, int R, int C, int P>
__global__ void recede(const T* x, const T* M, const T* g, const T* h, const Real<T>* b, T* carried,
                       T* delta, long long rows, long long n) {
  long long across = (n + 4 * C - 1) / (4 * C);
  long long row = blockIdx.x / across * (4 * R), column = blockIdx.x % across * (4 * C);
  product<T, R, C, P>(x, M, row, column, rows, n);
  for (int e = threadIdx.y * 32 + threadIdx.x; e < 16 * R * C; e += 32 * SLICES) {
    long long i = row + e / (4 * C), j = column + e % (4 * C), k = i * n + j;
    if (i >= rows || j >= n) continue;
    T sum = total<T, R, C>(e);
    if (carried) carried[k] = sum;
    if (g) sum = sum + g[k];
    if (delta) delta[k] = pull<T, A>(sum, h[k], b ? b[j] : Real<T>(0));
  }
}
