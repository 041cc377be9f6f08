// Sums of the distances of every row to the rows of each cluster, reduced on the way to what a silhouette needs: the sum to
// its own cluster and the least mean to another one. No array of n by n, and none of n by k.
//
// The rows are sorted by label, and the columns of a tile never cross from one cluster to the next one. A block owns a
// tile of rows and walks over the tiles of columns [first_tile, last_tile); what it has of a cluster that goes on is
// carried to the next launch in ``carried``. A thread adds up its pairs in float64, and the threads that share a row
// are added up once a cluster, in a fixed order: no atomics. Distances are taken by differences in the rows' own dtype,
// 2 instructions a pair and column, so that rows that nearly coincide keep their digits.

#include "chunk.cuh"
#include "tile.cuh"

template <typename Tile, bool ALIGNED>
__device__ __forceinline__ void sums(const typename Tile::Real *__restrict__ X, const double *__restrict__ weight,
                                     const int *__restrict__ labels, const double *__restrict__ counts,
                                     const long long *__restrict__ starts, const long long *__restrict__ stops,
                                     const int *__restrict__ clusters, double *__restrict__ carried,
                                     double *__restrict__ own, double *__restrict__ other, long long n, long long d,
                                     long long first_tile, long long last_tile)
{
    using Real = typename Tile::Real;
    constexpr int BESIDE = Tile::TX / 8;  // warps that share rows
    __shared__ typename Tile::Shared panels;
    __shared__ double held[BESIDE][Tile::ROWS];

    const int thread = threadIdx.x, ty = Tile::ty(thread), tx = Tile::tx(thread);
    const long long first = blockIdx.x * static_cast<long long>(Tile::ROWS), row = first + thread;
    const bool owns = thread < Tile::ROWS && row < n;
    double carry = owns ? carried[row] : 0.0, mine = owns ? own[row] : 0.0, least = owns ? other[row] : 0.0;
    double totals[Tile::TM] = {};
    for (long long tile = first_tile; tile < last_tile; ++tile) {
        const long long start = starts[tile], stop = stops[tile];
        Real pairs[Tile::TM][Tile::TN] = {};
        Tile::template run<ALIGNED>(
            panels, pairs, X, first, n, X, start, stop, d, [](Real x, long long) { return x; },
            [](Real total, Real a, Real b) {
                const Real difference = a - b;
                return fma(difference, difference, total);
            });
#pragma unroll
        for (int j = 0; j < Tile::TN; ++j) {
            const long long column = start + Tile::column(tx, j);
            const double w = column >= stop ? 0.0 : weight ? weight[column] : 1.0;
#pragma unroll
            for (int i = 0; i < Tile::TM; ++i)
                totals[i] = fma(w, static_cast<double>(sqrt(pairs[i][j])), totals[i]);
        }
        const int cluster = clusters[tile];
        if (tile + 1 < last_tile && clusters[tile + 1] == cluster)
            continue;
#pragma unroll
        for (int i = 0; i < Tile::TM; ++i) {
#pragma unroll
            for (int lanes = 1; lanes < 8; lanes *= 2)
                totals[i] += __shfl_xor_sync(0xffffffffu, totals[i], lanes);
            if (tx % 8 == 0)
                held[tx / 8][Tile::row(ty, i)] = totals[i];
            totals[i] = 0;
        }
        __syncthreads();  // the next run starts with a barrier: held is read before it is written again
        if (owns) {
#pragma unroll
            for (int w = 0; w < BESIDE; ++w)
                carry += held[w][thread];
            if (clusters[tile + 1] == cluster)
                continue;  // the cluster goes on in the next launch; there is one tile more on the list than there are
            if (labels[row] == cluster)
                mine = carry;
            else if (counts[cluster] > 0)
                least = fmin(least, carry / counts[cluster]);
            carry = 0;
        }
    }
    if (owns) {
        carried[row] = carry;
        own[row] = mine;
        other[row] = least;
    }
}

#define KERNEL(NAME, REAL, TM, TN, ALIGNED)                                                                            \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                               \
        NAME(const REAL *X, const double *weight, const int *labels, const double *counts, const long long *starts,    \
             const long long *stops, const int *clusters, double *carried, double *own, double *other, long long n,    \
             long long d, long long first_tile, long long last_tile)                                                   \
    {                                                                                                                  \
        sums<Tile<REAL, 16, 16, TM, TN>, ALIGNED>(X, weight, labels, counts, starts, stops, clusters, carried, own,    \
                                                  other, n, d, first_tile, last_tile);                                 \
    }

KERNEL(silhouette_f32, float, 8, 4, false)
KERNEL(silhouette_f32_aligned, float, 8, 4, true)
KERNEL(silhouette_f64, double, 4, 4, false)
KERNEL(silhouette_f64_aligned, double, 4, 4, true)
