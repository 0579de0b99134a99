// A step of a recurrence besides its matrix product: h = a(z + product, b), and backwards
// delta = a'(h) (g + product), each in one pass. Activations are told by number; 0 is the identity.

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
