// Householder QR of matrices that fit in shared memory, a block for each: X = Q R with a positive
// diagonal of R.
//
// Threads are (lane, warp). Lane l holds the rows l, l + 32, ..., and each warp has columns of its
// own, so that all sums are within a warp. The reflection I - tau v v^T takes a column x to
// -|x| (x_1/|x_1|) e_1, with v = x + |x| (x_1/|x_1|) e_1 and tau = 1 / (|x| (|x| + |x_1|)); the
// columns of Q are turned by the phase at the end.

// The largest modulus of what the lanes hold, NaN if there is one.
template <typename R>
__device__ R warp_max(R a) {
  for (int lane = 16; lane > 0; lane /= 2) {
    R other = __shfl_xor_sync(0xffffffffu, a, lane);
    if (other > a || other != other) a = other;
  }
  return a;
}

// Turn column k into the vector of its reflection. Entries are scaled, so that no square is lost.
template <typename T>
__device__ void reflect_column(T* A, T* taus, T* turns, T* lengths, int k, int n, int stride) {
  int lane = threadIdx.x;
  Real<T> scale = 0, square = 0;
  for (int i = k + lane; i < n; i += 32) {
    Real<T> size = size_of(A[i * stride + k]);
    if (size > scale || size != size) scale = size;
  }
  scale = warp_max(scale);
  if (scale == 0) {
    if (lane == 0) taus[k] = lengths[k] = make<T>(0, 0), turns[k] = make<T>(1, 0);
    return;
  }
  for (int i = k + lane; i < n; i += 32) {
    T x = A[i * stride + k] = divide(A[i * stride + k], scale);
    square += dot(x, x);
  }
  Real<T> length = sqrt(warp_sum(square));
  if (lane == 0) {
    T head = A[k * stride + k], phase = phase_of(head);
    A[k * stride + k] = head + length * phase;
    taus[k] = make<T>(1 / (length * (length + size_of(head))), 0);
    turns[k] = make<T>(-1, 0) * phase;
    lengths[k] = make<T>(scale * length, 0);
  }
}

// Reflect column j by the vector in column k, whose first entry it takes for 0 if `cleared`.
template <typename T>
__device__ void reflect(T* A, T tau, int k, int j, int n, int stride, bool cleared) {
  T total = make<T>(0, 0);
  for (int i = k + threadIdx.x; i < n; i += 32)
    if (i > k || !cleared) total = total + conj_of(A[i * stride + k]) * A[i * stride + j];
  total = tau * warp_sum(total);
  for (int i = k + threadIdx.x; i < n; i += 32) {
    T kept = i > k || !cleared ? A[i * stride + j] : make<T>(0, 0);
    A[i * stride + j] = kept - total * A[i * stride + k];
  }
}

// Make Q in the memory of R, of which nothing is written before the first barrier.
template <typename T>
__device__ void accumulate(T* A, const T* taus, int n, int p, int stride) {
  int lane = threadIdx.x, warp = threadIdx.y, warps = blockDim.y;
  for (int k = p - 1; k >= 0; --k) {
    for (int j = k + 1 + warp; j < p; j += warps) reflect(A, taus[k], k, j, n, stride, true);
    __syncthreads();
    if (warp == 0) {
      T head = A[k * stride + k];
      T factor = make<T>(-1, 0) * taus[k] * conj_of(head);
      // No reflection at all where tau is 0: a column of zeros.
      bool still = size_of(taus[k]) == 0;
      __syncwarp();
      for (int i = k + lane; i < n; i += 32) {
        T entry = still ? make<T>(0, 0) : factor * A[i * stride + k];
        A[i * stride + k] = i == k ? make<T>(1, 0) + entry : entry;
      }
    }
    __syncthreads();
  }
}

template <typename T>
__global__ void factorize(const T* X, T* Q, T* R, long long n, long long p) {
  int lane = threadIdx.x, warp = threadIdx.y, warps = blockDim.y;
  // An odd stride, so that rows of 2^k entries do not share a bank.
  int stride = p | 1, thread = warp * 32 + lane, threads = warps * 32;
  T* A = shared<T>();
  T *taus = A + n * stride, *turns = taus + p, *lengths = turns + p;
  X += blockIdx.x * n * p;
  Q += blockIdx.x * n * p;
  for (int k = thread; k < n * p; k += threads) A[k / p * stride + k % p] = X[k];
  __syncthreads();
  for (int k = 0; k < p; ++k) {
    if (warp == 0) reflect_column(A, taus, turns, lengths, k, n, stride);
    __syncthreads();
    // Column k + 1 falls to warp 0, which goes on with it while the others are still at theirs.
    for (int j = k + 1 + warp; j < p; j += warps) reflect(A, taus[k], k, j, n, stride, false);
  }
  __syncthreads();
  if (R) {
    R += blockIdx.x * p * p;
    for (int k = thread; k < p * p; k += threads) {
      int i = k / p, j = k % p;
      T entry = i < j ? conj_of(turns[i]) * A[i * stride + j] : make<T>(0, 0);
      R[k] = i == j ? lengths[i] : entry;
    }
  }
  accumulate(A, taus, n, p, stride);
  for (int k = thread; k < n * p; k += threads) Q[k] = turns[k % p] * A[k / p * stride + k % p];
}
