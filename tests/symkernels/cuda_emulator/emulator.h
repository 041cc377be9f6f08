// As much of CUDA C++ as the sources of symkernels use, for g++: a kernel runs block after block, and a block's threads
// are coroutines on one OS thread that hand over at barriers and shuffles. Nothing is simulated of a card's speed.
//
// The order of blocks and of threads between two barriers is the caller's choice, ascending or descending. A kernel
// whose bits depend on it has a race. Threads of a block that wait at different barriers, lanes that miss a shuffle and
// threads that never arrive are errors.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static  // blocks run one after another, so that all threads of the one that runs may share it

struct uint3 { unsigned x, y, z; };
using dim3 = uint3;
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };

using std::fma;
using std::fmax;
using std::fmin;
using std::isnan;
using std::max;
using std::min;
using std::sqrt;

// Rounded by themselves: g++ is called without contraction.
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }

namespace emulator {

constexpr int WARP = 32;
constexpr size_t STACK = 1 << 18;
enum class State { ready, at_barrier, at_shuffle, done };

struct Thread {
    ucontext_t context;  // where it starts, and
    void *place[5];      // where it stopped: swapcontext would ask the kernel at every barrier
    bool started;
    std::unique_ptr<char[]> stack;
    uint3 index;
    State state;
    int line;  // of the barrier that it waits at
    int turn;  // which of its warp's two buffers its next shuffle uses
};

inline std::vector<Thread> threads;
inline Thread *current;
inline void *scheduler[5];
inline std::string failure;
inline int arriving, arrived;  // votes of __syncthreads_count: being counted, and of the last barrier
inline std::vector<double> shuffled[2];  // one word a thread, 8 bytes hold every type that is shuffled
inline void (*body)(void *);
inline void *body_arguments;

}  // namespace emulator

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace emulator {

// The jumps are the compiler's own: the address sanitizer replaces the library's by slow ones, which ask the kernel.
// A function may not jump and be jumped to, and nothing about it may be inferred from its body.
#define EMULATOR_SWITCH __attribute__((noipa, no_sanitize("address", "undefined"))) inline void

EMULATOR_SWITCH jump(void **place)
{
    __builtin_longjmp(place, 1);
}

EMULATOR_SWITCH hand_over(State state)
{
    current->state = state;
    if (!__builtin_setjmp(current->place))
        jump(scheduler);
}

EMULATOR_SWITCH resume(Thread &thread)
{
    current = &thread;
    threadIdx = thread.index;
    if (__builtin_setjmp(scheduler))
        return;
    if (thread.started)
        jump(thread.place);
    thread.started = true;
    setcontext(&thread.context);
}

inline void barrier(int line)
{
    current->line = line;
    hand_over(State::at_barrier);
}

inline int count_barrier(int line, bool vote)
{
    arriving += vote;
    barrier(line);
    return arrived;
}

template <typename T>
T shuffle_xor(unsigned mask, T value, int lanes)
{
    static_assert(sizeof(T) <= sizeof(double));
    if (mask != 0xffffffffu) {
        failure = "a shuffle of some lanes only is not emulated";
        hand_over(State::done);
    }
    const size_t me = current - threads.data();
    double *const mine = &shuffled[current->turn][me], *const theirs = &shuffled[current->turn][me ^ lanes];
    current->turn ^= 1;  // a lane is at most one shuffle ahead of the others: two buffers are enough
    std::memcpy(mine, &value, sizeof(T));
    hand_over(State::at_shuffle);
    std::memcpy(&value, theirs, sizeof(T));
    return value;
}

inline void thread_main()
{
    body(body_arguments);
    hand_over(State::done);
}

// Lets every thread run that can, in order; then opens the barriers at which all have arrived.
inline bool run_block(bool descending)
{
    const size_t count = threads.size();
    arriving = arrived = 0;
    for (size_t t = 0; t < count; ++t) {
        Thread &thread = threads[t];
        thread.index = {unsigned(t % blockDim.x), unsigned(t / blockDim.x % blockDim.y),
                        unsigned(t / blockDim.x / blockDim.y)};
        thread.state = State::ready;
        thread.turn = 0;
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.get();
        thread.context.uc_stack.ss_size = STACK;
        thread.context.uc_link = nullptr;  // no thread returns: the last thing it does is to hand over
        thread.started = false;
        makecontext(&thread.context, thread_main, 0);
    }
    for (;;) {
        for (size_t i = 0; i < count; ++i) {
            Thread &thread = threads[descending ? count - 1 - i : i];
            if (thread.state != State::ready)
                continue;
            resume(thread);
            if (!failure.empty())
                return false;
        }
        bool moved = false;
        for (size_t first = 0; first < count; first += WARP) {
            const size_t last = std::min(first + WARP, count);
            size_t waiting = 0;
            for (size_t t = first; t < last; ++t)
                waiting += threads[t].state == State::at_shuffle;
            if (waiting != WARP)
                continue;
            for (size_t t = first; t < last; ++t)
                threads[t].state = State::ready;
            moved = true;
        }
        if (moved)
            continue;
        size_t done = 0, waiting = 0;
        int line = 0;
        for (const Thread &thread : threads) {
            done += thread.state == State::done;
            if (thread.state == State::at_barrier) {
                if (waiting++ && thread.line != line) {
                    failure = "threads wait at different barriers, lines " + std::to_string(line) + " and "
                              + std::to_string(thread.line);
                    return false;
                }
                line = thread.line;
            }
        }
        if (done == count)
            return true;
        if (done + waiting != count) {
            failure = "lanes of a warp miss a shuffle that others wait at";
            return false;
        }
        arrived = std::exchange(arriving, 0);
        for (Thread &thread : threads)
            if (thread.state == State::at_barrier)
                thread.state = State::ready;
    }
}

template <typename T>
std::string type_name()
{
    if constexpr (std::is_pointer_v<T>)
        return "*" + type_name<std::remove_cv_t<std::remove_pointer_t<T>>>();
    else if constexpr (std::is_floating_point_v<T>)
        return "float" + std::to_string(8 * sizeof(T));
    else
        return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(8 * sizeof(T));
}

template <typename... A>
const char *signature(void (*)(A...))
{
    static std::string text;
    text.clear();
    ((text += type_name<A>() + " "), ...);
    return text.c_str();
}

// ``pointers``: to each argument's value, as for cuLaunchKernel. Returns what went wrong, or nothing.
template <typename... A>
const char *launch(void (*kernel)(A...), const unsigned *geometry, bool descending, void **pointers)
{
    using Values = std::tuple<void (*)(A...), A...>;
    Values values = [&]<size_t... I>(std::index_sequence<I...>) {
        return Values(kernel, *static_cast<A *>(pointers[I])...);
    }(std::index_sequence_for<A...>());
    body = [](void *given) {
        std::apply([](auto run, auto... arguments) { run(arguments...); }, *static_cast<Values *>(given));
    };
    body_arguments = &values;
    gridDim = {geometry[0], geometry[1], geometry[2]};
    blockDim = {geometry[3], geometry[4], geometry[5]};
    const size_t count = size_t(blockDim.x) * blockDim.y * blockDim.z;
    failure = count > 1024 ? "more than 1,024 threads a block" : "";
    threads.resize(count);
    for (Thread &thread : threads)
        if (!thread.stack)
            thread.stack.reset(new char[STACK]);
    shuffled[0].assign(count + WARP, 0);
    shuffled[1].assign(count + WARP, 0);
    const size_t blocks = size_t(gridDim.x) * gridDim.y * gridDim.z;
    for (size_t i = 0; i < blocks && failure.empty(); ++i) {
        const size_t b = descending ? blocks - 1 - i : i;
        blockIdx = {unsigned(b % gridDim.x), unsigned(b / gridDim.x % gridDim.y), unsigned(b / gridDim.x / gridDim.y)};
        run_block(descending);
    }
    return failure.c_str();
}

}  // namespace emulator

#define __syncthreads() emulator::barrier(__LINE__)
#define __syncthreads_count(vote) emulator::count_barrier(__LINE__, vote)
#define __shfl_xor_sync(mask, value, lanes) emulator::shuffle_xor(mask, value, lanes)

template <typename T>
T __ldg(const T *from)
{
    return *from;
}

inline double __longlong_as_double(long long bits)
{
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline float __int_as_float(int bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline unsigned long long atomicAdd(unsigned long long *to, unsigned long long value)
{
    return std::exchange(*to, *to + value);
}
