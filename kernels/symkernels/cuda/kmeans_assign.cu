// Labels each row of X - shift (n, d) with its nearest center, of C (k, d): a blocked matrix product whose epilogue is the
// argmin, so that no n by k matrix leaves the registers. The score of a center is |c|^2 / 2 - x.c, which orders the
// centers as the squared distance does; the product subtracts from half norms that the host has made. Ties go to the
// lowest index. The shift comes off on the way to shared memory: there is no shifted copy of X.
//
// Why these sizes (H200: 132 SMs, 67 TF/s of float32 FFMA, 128 lanes and 128 bytes of shared memory a clock and SM):
// a thread's 8 x 8 pairs take 64 FFMA for 4 LDS.128, that is 16 clocks of the SM's lanes and 4 of its shared memory
// per warp and column, so that arithmetic is the limit. The issue slots are 64 + 4 + about 2: at most nine tenths of the peak. The
// epilogue adds 3 instructions a pair for d FFMA. L2 serves 8 bytes for 256 flops: 2 TB/s at the peak, of about 5. 256
// threads at <= 128 registers are two blocks an SM: one computes while the other one waits at its barrier. float64 has
// half the lanes and twice the bytes: 8 x 4 pairs keep the ratio. Few centers (k <= 64) take a tile of 32 columns: a
// wide one would compute mostly with centers that do not exist. d <= 32 has a kernel of its own, kmeans_assign_small.cu.

#include "chunk.cuh"
#include "tile.cuh"

template <typename Tile, bool ALIGNED>
__device__ __forceinline__ void assign(const typename Tile::Real *__restrict__ X,
                                       const typename Tile::Real *__restrict__ shift,
                                       const typename Tile::Real *__restrict__ C,
                                       const typename Tile::Real *__restrict__ half_norms, int *__restrict__ labels,
                                       unsigned long long *changed, long long n, long long k, long long d)
{
    using Real = typename Tile::Real;
    constexpr int BESIDE = Tile::TX / 8;  // warps that share rows
    static_assert(Tile::ROWS <= Tile::THREADS, "one thread a row writes the labels");
    __shared__ typename Tile::Shared panels;
    __shared__ Real lowest[BESIDE][Tile::ROWS];
    __shared__ int nearest[BESIDE][Tile::ROWS];

    const int thread = threadIdx.x, ty = Tile::ty(thread), tx = Tile::tx(thread);
    const Real infinity = static_cast<Real>(__longlong_as_double(0x7ff0000000000000LL));
    const long long first = blockIdx.x * static_cast<long long>(Tile::ROWS);
    Real low[Tile::TM];
    int near[Tile::TM];
#pragma unroll
    for (int i = 0; i < Tile::TM; ++i) {
        low[i] = infinity;
        near[i] = 0;
    }
    for (long long start = 0; start < k; start += Tile::COLUMNS) {
        Real scores[Tile::TM][Tile::TN];
#pragma unroll
        for (int j = 0; j < Tile::TN; ++j) {
            const long long center = start + Tile::column(tx, j);
            const Real half = center < k ? __ldg(half_norms + center) : infinity;
#pragma unroll
            for (int i = 0; i < Tile::TM; ++i)
                scores[i][j] = half;
        }
        Tile::template run<ALIGNED>(
            panels, scores, X, first, n, C, start, k, d,
            [=](Real x, long long column) { return x - __ldg(shift + column); },
            [](Real score, Real x, Real c) { return fma(-x, c, score); });
#pragma unroll
        for (int j = 0; j < Tile::TN; ++j) {
            const int center = static_cast<int>(start) + Tile::column(tx, j);
#pragma unroll
            for (int i = 0; i < Tile::TM; ++i) {
                if (scores[i][j] < low[i]) {  // centers rise: the first of equals stays
                    low[i] = scores[i][j];
                    near[i] = center;
                }
            }
        }
    }
#pragma unroll
    for (int i = 0; i < Tile::TM; ++i) {
#pragma unroll
        for (int lanes = 1; lanes < 8; lanes *= 2) {
            const Real other = __shfl_xor_sync(0xffffffffu, low[i], lanes);
            const int theirs = __shfl_xor_sync(0xffffffffu, near[i], lanes);
            if (other < low[i] || (other == low[i] && theirs < near[i])) {
                low[i] = other;
                near[i] = theirs;
            }
        }
        if (tx % 8 == 0) {
            lowest[tx / 8][Tile::row(ty, i)] = low[i];
            nearest[tx / 8][Tile::row(ty, i)] = near[i];
        }
    }
    __syncthreads();
    const long long row = first + thread;
    bool moved = false;
    if (thread < Tile::ROWS && row < n) {
        Real best = lowest[0][thread];
        int label = nearest[0][thread];
#pragma unroll
        for (int w = 1; w < BESIDE; ++w) {
            const Real other = lowest[w][thread];
            const int theirs = nearest[w][thread];
            if (other < best || (other == best && theirs < label)) {
                best = other;
                label = theirs;
            }
        }
        moved = labels[row] != label;
        labels[row] = label;
    }
    const int count = __syncthreads_count(moved);
    if (thread == 0 && count > 0)
        atomicAdd(changed, static_cast<unsigned long long>(count));  // integers: any order gives the same sum
}

#define KERNEL(NAME, REAL, TY, TX, TM, TN, ALIGNED)                                                                    \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                               \
        NAME(const REAL *X, const REAL *shift, const REAL *C, const REAL *half_norms, int *labels,                     \
             unsigned long long *changed, long long n, long long k, long long d)                                       \
    {                                                                                                                  \
        assign<Tile<REAL, TY, TX, TM, TN>, ALIGNED>(X, shift, C, half_norms, labels, changed, n, k, d);                \
    }

// _aligned: X and C start at 16 bytes, and d is a multiple of a chunk of 16 bytes.
KERNEL(kmeans_assign_f32_wide, float, 16, 16, 8, 8, false)
KERNEL(kmeans_assign_f32_wide_aligned, float, 16, 16, 8, 8, true)
KERNEL(kmeans_assign_f32_narrow, float, 32, 8, 8, 4, false)
KERNEL(kmeans_assign_f32_narrow_aligned, float, 32, 8, 8, 4, true)
KERNEL(kmeans_assign_f64_wide, double, 16, 16, 8, 4, false)
KERNEL(kmeans_assign_f64_wide_aligned, double, 16, 16, 8, 4, true)
KERNEL(kmeans_assign_f64_narrow, double, 32, 8, 4, 4, false)
KERNEL(kmeans_assign_f64_narrow_aligned, double, 32, 8, 4, 4, true)
