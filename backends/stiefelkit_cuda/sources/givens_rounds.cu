// Products of Givens rotations in rounds of constant i + j, and their gradient.
//
// A block holds `width` columns of one matrix in shared memory, row by row. Threads are (column,
// lane), and lane l takes the pairs l, l + lanes, ... of a round, which touch no row twice.

struct Round {
  int first, last, size;
};

// Round `total` holds the pairs (first + a, last - a), a < size, of i < j < n with i < p.
__device__ inline Round round_of(int total, int n, int p) {
  int first = total < n ? 0 : total - n + 1;
  int end = (total - 1) / 2 < p - 1 ? (total - 1) / 2 : p - 1;
  return {first, total - first, end - first + 1};
}

__device__ inline int round_count(int n, int p) { return n + (p < n - 1 ? p : n - 1) - 2; }

// Unit phase of rotation k, 1 where there are no phases.
template <typename T>
__device__ T phase_at(const Real<T>* u, const Real<T>* v, int k) {
  return u ? make<T>(u[k], v[k]) : make<T>(1, 0);
}

template <typename T>
__device__ void rotate(T& x, T& y, Real<T> c, T s) {
  T upper = c * x + s * y;
  y = c * y - conj_of(s) * x;
  x = upper;
}

template <typename T>
__device__ void load(T* rows, const T* X, int n, long long m, int width, long long column) {
  for (int i = threadIdx.y; i < n; i += blockDim.y)
    rows[i * width + threadIdx.x] = column < m ? X[i * m + column] : make<T>(0, 0);
}

template <typename T>
__device__ void store(const T* rows, T* X, int n, long long m, int width, long long column) {
  for (int i = threadIdx.y; i < n; i += blockDim.y)
    if (column < m) X[i * m + column] = rows[i * width + threadIdx.x];
}

// X <- R_1 R_2 ... R_r X. cos, sin: those of the angles; u, v: those of the phases, or null.
template <typename T>
__global__ void turn(T* X, const Real<T>* cosines, const Real<T>* sines, const Real<T>* u,
                     const Real<T>* v, long long n, long long p, long long m, long long r,
                     long long width, long long tiles) {
  T* rows = shared<T>();
  long long matrix = blockIdx.x / tiles;
  long long column = (blockIdx.x % tiles) * width + threadIdx.x;
  X += matrix * n * m;
  cosines += matrix * r;
  sines += matrix * r;
  if (u) u += matrix * r, v += matrix * r;
  load(rows, X, n, m, width, column);
  __syncthreads();
  int start = r;
  for (int total = round_count(n, p); total > 0; --total) {
    Round now = round_of(total, n, p);
    start -= now.size;
    for (int a = threadIdx.y; a < now.size; a += blockDim.y) {
      int k = start + a;
      T& x = rows[(now.first + a) * width + threadIdx.x];
      T& y = rows[(now.last - a) * width + threadIdx.x];
      rotate(x, y, cosines[k], sines[k] * phase_at<T>(u, v, k));
    }
    __syncthreads();
  }
  store(rows, X, n, m, width, column);
}

// Sum over the columns of the tile, which are neighbors in a warp.
template <typename R>
__device__ R tile_sum(R a, int width) {
  for (int lane = width / 2; lane > 0; lane /= 2) a += __shfl_xor_sync(0xffffffffu, a, lane);
  return a;
}

// Turn Y = Q X and G back. G becomes the cotangent of X, and the slopes are read off on the way:
// Re <g_i, e y_j> - Re <g_j, e* y_i> for an angle, Re <g_i, i s x_j> + Re <g_j, i s* x_i> for a
// phase, with x the rows before and y those after the rotation. A block takes the tiles part, part +
// parts, ... and adds their slopes in that order, so that the sum is the same in every run.
template <typename T>
__global__ void turn_back(const T* Y, T* G, const Real<T>* cosines, const Real<T>* sines,
                          const Real<T>* u, const Real<T>* v, Real<T>* by_angle, Real<T>* by_phase,
                          long long n, long long p, long long m, long long r, long long width,
                          long long tiles, long long parts) {
  T* rows = shared<T>();
  T* back = rows + n * width;
  long long matrix = blockIdx.x / parts;
  Y += matrix * n * m;
  G += matrix * n * m;
  cosines += matrix * r;
  sines += matrix * r;
  if (u) u += matrix * r, v += matrix * r;
  by_angle += blockIdx.x * r;
  if (by_phase) by_phase += blockIdx.x * r;
  long long part = blockIdx.x % parts;
  for (long long tile = part; tile < tiles; tile += parts) {
    long long column = tile * width + threadIdx.x;
    load(rows, Y, n, m, width, column);
    load(back, G, n, m, width, column);
    __syncthreads();
    int start = 0;
    for (int total = 1; total <= round_count(n, p); ++total) {
      Round now = round_of(total, n, p);
      // All lanes of a warp take part in each sum, also those without a pair.
      for (int base = 0; base < now.size; base += blockDim.y) {
        int a = base + threadIdx.y, k = start + a;
        bool active = a < now.size;
        Real<T> angle = 0, phase = 0;
        if (active) {
          int i = (now.first + a) * width + threadIdx.x, j = (now.last - a) * width + threadIdx.x;
          T e = phase_at<T>(u, v, k), s = sines[k] * e, turned = make<T>(0, 1) * s;
          angle = dot(back[i], e * rows[j]) - dot(back[j], conj_of(e) * rows[i]);
          T gi = back[i], gj = back[j];
          rotate(rows[i], rows[j], cosines[k], make<T>(-1, 0) * s);
          rotate(back[i], back[j], cosines[k], make<T>(-1, 0) * s);
          if (by_phase)
            phase = dot(gi, turned * rows[j]) + dot(gj, make<T>(0, 1) * conj_of(s) * rows[i]);
        }
        angle = tile_sum(angle, width);
        if (by_phase) phase = tile_sum(phase, width);
        if (active && threadIdx.x == 0) {
          by_angle[k] = angle + (tile == part ? 0 : by_angle[k]);
          if (by_phase) by_phase[k] = phase + (tile == part ? 0 : by_phase[k]);
        }
      }
      start += now.size;
      __syncthreads();
    }
    store(back, G, n, m, width, column);  // by the threads that load the next tile there
  }
}
