// Rotations of disjoint pairs of columns: one step of coordinate descent, and one plane alone.

// Row i of a matrix is a column of W as it lies transposed in memory.
template <typename T>
__device__ void rotate_rows(T* X, long long i, long long j, long long n, Real<T> c, T s) {
  for (long long t = threadIdx.x; t < n; t += blockDim.x) {
    T x = X[i * n + t];
    if (i == j) {
      X[i * n + t] = (make<T>(c, 0) + s) * x;
    } else {
      T y = X[j * n + t];
      X[i * n + t] = c * x - conj_of(s) * y;
      X[j * n + t] = c * y + s * x;
    }
  }
}

// For each pair (i, j), a block of its own: theta = -alpha Omega_ij with Omega = skew(A), A = W^T G.
// W, of which `Wt` is the transpose, goes to W e^{theta H_ij}, and A to e^{-theta H_ij} A. Pairs of
// one launch share no column, so that none reads what another writes.
template <typename T>
__global__ void turn_pairs(T* Wt, T* A, const long long* pairs, long long count, long long n,
                           double alpha) {
  long long matrix = blockIdx.x / count, pair = blockIdx.x % count;
  Wt += matrix * n * n;
  A += matrix * n * n;
  long long i = pairs[2 * pair], j = pairs[2 * pair + 1];
  T theta = static_cast<Real<T>>(-0.5 * alpha) * (A[i * n + j] - conj_of(A[j * n + i]));
  __syncthreads();  // all threads have read the entries before one changes them
  Real<T> size = size_of(theta);
  Real<T> c = cos(size), s = size == 0 ? Real<T>(1) : sin(size) / size;
  rotate_rows(Wt, i, j, n, c, s * theta);
  rotate_rows(A, i, j, n, c, conj_of(s * theta));
}

// Rotate lines i and j of each matrix, columns or rows, entry by entry. `step` is between entries of
// a line, `apart` between lines. Rows turn by the conjugate of -sin.
template <typename T>
__global__ void rotate_plane(T* X, const Real<T>* cosines, const Real<T>* sines, const Real<T>* u,
                             const Real<T>* v, long long count, long long length, long long size,
                             long long step, long long apart, long long i, long long j,
                             long long rows) {
  long long entry = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (entry >= count * length) return;
  long long matrix = entry / length;
  X += matrix * size + (entry % length) * step;
  T s = sines[matrix] * (u ? make<T>(u[matrix], v[matrix]) : make<T>(1, 0));
  if (rows) s = make<T>(-1, 0) * conj_of(s);
  T x = X[i * apart], y = X[j * apart];
  X[i * apart] = cosines[matrix] * x - conj_of(s) * y;
  X[j * apart] = cosines[matrix] * y + s * x;
}
