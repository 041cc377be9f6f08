// As kmeans_assign.cu, for rows of at most 32 columns: a thread keeps a few rows in registers and walks over the centers,
// which pass through shared memory. No column is padded to a tile's depth by more than a few, few centers cost as
// little as they should, and each row is read once.
//
// All threads of a warp read the same center: a broadcast LDS.128 brings 4 floats for 4 FFMA a row, so ROWS = 4 rows a thread (2
// where d > 16, for the registers) keep shared memory at a quarter (half) of its rate while the lanes are busy. Rows of
// neighbouring threads are neighbours, so that a warp reads whole sectors. Where k is small, reading X at 4.8 TB/s is
// the limit.

#include "chunk.cuh"

template <typename Real, int DEPTH, int ROWS>
__device__ __forceinline__ void assign_small(const Real *__restrict__ X, const Real *__restrict__ shift,
                                             const Real *__restrict__ C, const Real *__restrict__ half_norms,
                                             int *__restrict__ labels, unsigned long long *changed, long long n,
                                             long long k, int d)
{
    constexpr int THREADS = 128, CENTERS = 64;
    alignas(16) __shared__ Real centers[CENTERS][DEPTH];
    __shared__ Real halves[CENTERS];
    const Real infinity = static_cast<Real>(__longlong_as_double(0x7ff0000000000000LL));
    const int thread = threadIdx.x;
    const long long first = blockIdx.x * static_cast<long long>(THREADS * ROWS) + thread;
    Real x[ROWS][DEPTH], low[ROWS];
    int near[ROWS];
    // Whole chunks where every row starts at one: a warp then asks for each sector a few times, not once a column.
    constexpr int CHUNK = Chunk<Real>::SIZE;
    const bool aligned = d % CHUNK == 0 && reinterpret_cast<unsigned long long>(X) % 16 == 0;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const long long row = first + r * THREADS;
        low[r] = infinity;
        near[r] = 0;
        if (aligned) {
#pragma unroll
            for (int j = 0; j < DEPTH; j += CHUNK) {
                if (row < n && j < d) {
                    read_chunk(&x[r][j], X + row * d + j);
                } else {
#pragma unroll
                    for (int i = 0; i < CHUNK; ++i)
                        x[r][j + i] = 0;
                }
            }
        } else {
#pragma unroll
            for (int j = 0; j < DEPTH; ++j)
                x[r][j] = row < n && j < d ? X[row * d + j] : Real(0);
        }
#pragma unroll
        for (int j = 0; j < DEPTH; ++j)
            x[r][j] -= j < d ? __ldg(shift + j) : Real(0);
    }
    for (long long start = 0; start < k; start += CENTERS) {
        const int count = static_cast<int>(k - start < CENTERS ? k - start : CENTERS);
        __syncthreads();  // the last centers have been read
        for (int i = thread; i < count * DEPTH; i += THREADS) {
            const int center = i / DEPTH, j = i % DEPTH;
            centers[center][j] = j < d ? C[(start + center) * d + j] : Real(0);
        }
        if (thread < count)
            halves[thread] = half_norms[start + thread];
        __syncthreads();
        for (int c = 0; c < count; ++c) {
            Real score[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                score[r] = halves[c];
#pragma unroll
            for (int j = 0; j < DEPTH; ++j) {
                const Real value = centers[c][j];
#pragma unroll
                for (int r = 0; r < ROWS; ++r)
                    score[r] = fma(-x[r][j], value, score[r]);
            }
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                if (score[r] < low[r]) {  // centers rise: the first of equals stays
                    low[r] = score[r];
                    near[r] = static_cast<int>(start) + c;
                }
            }
        }
    }
    int count = 0;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const long long row = first + r * THREADS;
        bool moved = false;
        if (row < n) {
            moved = labels[row] != near[r];
            labels[row] = near[r];
        }
        count += __syncthreads_count(moved);
    }
    if (thread == 0 && count > 0)
        atomicAdd(changed, static_cast<unsigned long long>(count));  // integers: any order gives the same sum
}

#define KERNEL(NAME, REAL, DEPTH, ROWS)                                                                                \
    extern "C" __global__ void __launch_bounds__(128)                                                                  \
        NAME(const REAL *X, const REAL *shift, const REAL *C, const REAL *half_norms, int *labels,                     \
             unsigned long long *changed, long long n, long long k, long long d)                                       \
    {                                                                                                                  \
        assign_small<REAL, DEPTH, ROWS>(X, shift, C, half_norms, labels, changed, n, k, static_cast<int>(d));          \
    }

KERNEL(kmeans_assign_small_f32_4, float, 4, 4)
KERNEL(kmeans_assign_small_f32_8, float, 8, 4)
KERNEL(kmeans_assign_small_f32_16, float, 16, 4)
KERNEL(kmeans_assign_small_f32_24, float, 24, 2)
KERNEL(kmeans_assign_small_f32_32, float, 32, 2)
KERNEL(kmeans_assign_small_f64_4, double, 4, 4)
KERNEL(kmeans_assign_small_f64_8, double, 8, 4)
KERNEL(kmeans_assign_small_f64_16, double, 16, 2)
KERNEL(kmeans_assign_small_f64_24, double, 24, 1)
KERNEL(kmeans_assign_small_f64_32, double, 32, 1)
