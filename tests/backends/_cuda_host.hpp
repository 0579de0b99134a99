// CUDA's threads on a CPU: each thread of a block is a fiber that runs until it has to wait.
//
// A block ends in an error if its threads do not meet at the same barriers, if they leave the shared
// memory of the launch, or if a warp's lanes do not all take part in an exchange. A warp runs as far
// as it gets before the next one starts, the first or the last of them first, so that it shows if
// threads do not wait for each other where they have to.

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__
#define __align__(n)

struct Index {
  unsigned x, y, z;
};
static Index threadIdx, blockIdx, blockDim, gridDim;
alignas(16) unsigned char block_memory[48 * 1024 + 64];

enum State { READY, AT_WARP, AT_BLOCK, DONE };
struct Fiber {
  ucontext_t context;
  std::vector<char> stack;
  State state;
  Index index;
  uint64_t slot;
};
static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static int current;

static void wait_in(State state) {
  fibers[current].state = state;
  swapcontext(&fibers[current].context, &scheduler);
}
static void __syncthreads() { wait_in(AT_BLOCK); }
static void __syncwarp() { wait_in(AT_WARP); }

template <typename T>
static T __shfl_xor_sync(unsigned, T value, int lanes) {
  std::memcpy(&fibers[current].slot, &value, sizeof(T));
  wait_in(AT_WARP);
  std::memcpy(&value, &fibers[current ^ lanes].slot, sizeof(T));
  wait_in(AT_WARP);
  return value;
}

// Let go those that have all come to where they wait. Return whether any has been let go.
static bool release(int first, int last, State state) {
  for (int k = first; k < last; ++k)
    if (fibers[k].state != state) return false;
  for (int k = first; k < last; ++k) fibers[k].state = READY;
  return true;
}

static void (*job)();
static void body() {
  job();
  fibers[current].state = DONE;
  swapcontext(&fibers[current].context, &scheduler);
}

// Run the lanes of a warp as far as they get without the other warps, which are that late then.
static bool run_warp(int warp, int threads, bool descending) {
  int first = 32 * warp, last = first + 32 < threads ? first + 32 : threads;
  bool moved = false;
  do {
    for (int n = first; n < last; ++n) {
      current = descending ? first + last - 1 - n : n;
      if (fibers[current].state != READY) continue;
      threadIdx = fibers[current].index;
      swapcontext(&scheduler, &fibers[current].context);
      moved = true;
    }
  } while (release(first, last, AT_WARP));
  return moved;
}

static bool run_block(int threads, bool descending) {
  int warps = (threads + 31) / 32;
  for (int k = 0; k < threads; ++k) {
    Fiber& fiber = fibers[k];
    fiber.stack.resize(1 << 16);
    fiber.state = READY;
    fiber.index = {k % blockDim.x, k / blockDim.x, 0};
    getcontext(&fiber.context);
    fiber.context.uc_stack = {fiber.stack.data(), 0, fiber.stack.size()};
    makecontext(&fiber.context, body, 0);
  }
  for (;;) {
    bool moved = false;
    for (int w = 0; w < warps; ++w)
      moved |= run_warp(descending ? warps - 1 - w : w, threads, descending);
    if (release(0, threads, DONE)) return true;
    if (!release(0, threads, AT_BLOCK) && !moved) return false;
  }
}

static const uint64_t* given;
template <typename T>
T parameter(int k) {
  static_assert(sizeof(T) == 8, "parameters are eight bytes long");
  T value;
  std::memcpy(&value, given + k, 8);
  return value;
}

template <auto kernel, typename... A, size_t... k>
void call(void (*)(A...), std::index_sequence<k...>) {
  kernel(parameter<A>(k)...);
}

template <auto kernel, typename... A>
void unpack(void (*signature)(A...)) {
  call<kernel>(signature, std::make_index_sequence<sizeof...(A)>());
}

template <typename... A>
constexpr int parameters(void (*)(A...)) {
  return sizeof...(A);
}

// Return 0, or 1 for threads that wait for ever, 2 for a write beyond the memory, 3 for arguments.
template <auto kernel>
int emulate(int64_t blocks, int64_t x, int64_t y, int64_t shared, const uint64_t* args, int count,
            int descending) {
  if (count != parameters(kernel) || x * y > 1024 || shared > 48 * 1024) return 3;
  given = args;
  job = [] { unpack<kernel>(kernel); };
  gridDim = {unsigned(blocks), 1, 1};
  blockDim = {unsigned(x), unsigned(y), 1};
  if (fibers.size() < size_t(x * y)) fibers.resize(x * y);
  for (int64_t block = 0; block < blocks; ++block) {
    blockIdx = {unsigned(descending ? blocks - 1 - block : block), 0, 0};
    std::memset(block_memory, 0xff, sizeof(block_memory));  // not numbers
    if (!run_block(x * y, descending)) return 1;
    for (size_t k = shared; k < sizeof(block_memory); ++k)
      if (block_memory[k] != 0xff) return 2;
  }
  return 0;
}
