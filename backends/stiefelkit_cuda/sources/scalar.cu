// Numbers that the kernels are templates over: float, double, and pairs of them as they lie in
// memory. Nothing is included, as NVRTC finds no headers of the host.

template <typename R>
struct Complex {
  R x, y;
};

template <typename T>
struct Field {
  using Real = T;
};

template <typename R>
struct Field<Complex<R>> {
  using Real = R;
};

template <typename T>
using Real = typename Field<T>::Real;

template <typename T>
__device__ T make(Real<T> x, Real<T> y) {
  if constexpr (sizeof(T) == sizeof(Real<T>)) {
    return x;
  } else {
    return T{x, y};
  }
}

template <typename R>
__device__ Complex<R> operator+(Complex<R> a, Complex<R> b) {
  return {a.x + b.x, a.y + b.y};
}

template <typename R>
__device__ Complex<R> operator-(Complex<R> a, Complex<R> b) {
  return {a.x - b.x, a.y - b.y};
}

template <typename R>
__device__ Complex<R> operator*(Complex<R> a, Complex<R> b) {
  return {a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x};
}

template <typename R>
__device__ Complex<R> operator*(R a, Complex<R> b) {
  return {a * b.x, a * b.y};
}

__device__ inline float conj_of(float a) { return a; }
__device__ inline double conj_of(double a) { return a; }

template <typename R>
__device__ Complex<R> conj_of(Complex<R> a) {
  return {a.x, -a.y};
}

__device__ inline float size_of(float a) { return fabsf(a); }
__device__ inline double size_of(double a) { return fabs(a); }
__device__ inline float size_of(Complex<float> a) { return hypotf(a.x, a.y); }
__device__ inline double size_of(Complex<double> a) { return hypot(a.x, a.y); }

// Re <a, b>
__device__ inline float dot(float a, float b) { return a * b; }
__device__ inline double dot(double a, double b) { return a * b; }

template <typename R>
__device__ R dot(Complex<R> a, Complex<R> b) {
  return a.x * b.x + a.y * b.y;
}

__device__ inline float divide(float a, float b) { return a / b; }
__device__ inline double divide(double a, double b) { return a / b; }

template <typename R>
__device__ Complex<R> divide(Complex<R> a, R b) {
  return {a.x / b, a.y / b};
}

// a / |a|, 1 for 0
template <typename T>
__device__ T phase_of(T a) {
  Real<T> size = size_of(a);
  return size == 0 ? make<T>(1, 0) : divide(a, size);
}

// What each lane of a warp holds, summed; every lane gets the sum.
__device__ inline float warp_sum(float a) {
  for (int lane = 16; lane > 0; lane /= 2) a += __shfl_xor_sync(0xffffffffu, a, lane);
  return a;
}

__device__ inline double warp_sum(double a) {
  for (int lane = 16; lane > 0; lane /= 2) a += __shfl_xor_sync(0xffffffffu, a, lane);
  return a;
}

template <typename R>
__device__ Complex<R> warp_sum(Complex<R> a) {
  return {warp_sum(a.x), warp_sum(a.y)};
}

// What another lane of the warp holds, whose number differs in one bit.
__device__ inline float from_lane(float a, int bit) { return __shfl_xor_sync(0xffffffffu, a, bit); }
__device__ inline double from_lane(double a, int bit) {
  return __shfl_xor_sync(0xffffffffu, a, bit);
}

template <typename R>
__device__ Complex<R> from_lane(Complex<R> a, int bit) {
  return {from_lane(a.x, bit), from_lane(a.y, bit)};
}

// One declaration for all types: memory of the block, given by the launch.
template <typename T>
__device__ T* shared() {
  extern __shared__ __align__(16) unsigned char block_memory[];
  return reinterpret_cast<T*>(block_memory);
}
