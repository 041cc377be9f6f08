// Squared distances by differences, in float64: equal rows are at distance exactly 0, and an offset costs no digits.
//
// own_distances: of each row to the center of its label. ``lanes`` threads, a power of two up to 32, share a row, so
// that reads are coalesced. A few times a run.
//
// seed_*: of each row to a few candidates of k-means++, COUNT at a time: once a chosen center, so k times a run. A
// thread owns a row, and the block's rows and candidates pass through shared memory DEPTH columns at a time: a column
// takes 2 float64 instructions a candidate, and one conversion for all of them (conversions run at a quarter of the
// float64 rate). A block owns TILE rows and leaves its own sums, which the host adds up in a fixed order.

template <typename Real>
__device__ void own_distances(const Real *__restrict__ X, const double *__restrict__ shift,
                              const double *__restrict__ C, const int *__restrict__ labels, double *__restrict__ out,
                              long long n, long long d, int lanes)
{
    const long long row = (blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x) / lanes;
    double total = 0;
    if (row < n) {
        const double *const center = C + labels[row] * d;
        for (long long j = threadIdx.x % lanes; j < d; j += lanes) {
            const double difference = static_cast<double>(X[row * d + j]) - shift[j] - center[j];
            total += difference * difference;
        }
    }
    for (int other = lanes / 2; other > 0; other /= 2)
        total += __shfl_xor_sync(0xffffffffu, total, other);
    if (row < n && threadIdx.x % lanes == 0)
        out[row] = total;
}

extern "C" __global__ void own_distances_f32(const float *X, const double *shift, const double *C, const int *labels,
                                             double *out, long long n, long long d, int lanes)
{
    own_distances<float>(X, shift, C, labels, out, n, d, lanes);
}

extern "C" __global__ void own_distances_f64(const double *X, const double *shift, const double *C, const int *labels,
                                             double *out, long long n, long long d, int lanes)
{
    own_distances<double>(X, shift, C, labels, out, n, d, lanes);
}

constexpr int THREADS = 256, TILE = 1024, DEPTH = 16;

// candidates (COUNT, d), shifted. sums (blocks, COUNT): of weight times the squared distance to the nearest of those
// chosen and the candidate. TAKE: the candidate (COUNT = 1) is chosen, and ``nearest`` (n,) becomes that distance.
template <typename Real, int COUNT, bool TAKE>
__device__ void seed(const Real *__restrict__ X, const double *__restrict__ shift,
                     const double *__restrict__ candidates, const double *__restrict__ weight,
                     double *__restrict__ nearest, double *__restrict__ sums, long long n, long long d)
{
    __shared__ Real rows[DEPTH][THREADS + 1];
    __shared__ double shifts[DEPTH];
    __shared__ double others[DEPTH][COUNT];
    __shared__ double held[COUNT][THREADS / 32];
    const int thread = threadIdx.x;
    double totals[COUNT] = {};
    for (int part = 0; part < TILE / THREADS; ++part) {
        const long long first = blockIdx.x * static_cast<long long>(TILE) + part * THREADS;
        double squares[COUNT] = {};
        for (long long start = 0; start < d; start += DEPTH) {
            __syncthreads();  // the last columns have been read
            for (int i = thread; i < THREADS * DEPTH; i += THREADS) {
                const long long row = first + i / DEPTH, column = start + i % DEPTH;
                rows[i % DEPTH][i / DEPTH] = row < n && column < d ? X[row * d + column] : Real(0);
            }
            if (thread < DEPTH)
                shifts[thread] = start + thread < d ? shift[start + thread] : 0.0;
            for (int i = thread; i < COUNT * DEPTH; i += THREADS) {
                const long long column = start + i % DEPTH;
                others[i % DEPTH][i / DEPTH] = column < d ? candidates[i / DEPTH * d + column] : 0.0;
            }
            __syncthreads();
#pragma unroll 4
            for (int j = 0; j < DEPTH; ++j) {
                const double x = static_cast<double>(rows[j][thread]) - shifts[j];
#pragma unroll
                for (int c = 0; c < COUNT; ++c) {
                    const double difference = x - others[j][c];
                    squares[c] = fma(difference, difference, squares[c]);
                }
            }
        }
        const long long row = first + thread;
        if (row < n) {
            const double old = nearest[row], w = weight ? weight[row] : 1.0;
#pragma unroll
            for (int c = 0; c < COUNT; ++c) {
                const double now = squares[c] < old ? squares[c] : old;
                if (TAKE)
                    nearest[row] = now;
                totals[c] += w * now;
            }
        }
    }
#pragma unroll
    for (int c = 0; c < COUNT; ++c) {
#pragma unroll
        for (int lanes = 16; lanes > 0; lanes /= 2)
            totals[c] += __shfl_xor_sync(0xffffffffu, totals[c], lanes);
        if (thread % 32 == 0)
            held[c][thread / 32] = totals[c];
    }
    __syncthreads();
    if (thread < COUNT) {
        double total = 0;
        for (int w = 0; w < THREADS / 32; ++w)
            total += held[thread][w];
        sums[blockIdx.x * static_cast<long long>(COUNT) + thread] = total;
    }
}

#define KERNEL(NAME, REAL, COUNT, TAKE)                                                                                \
    extern "C" __global__ void __launch_bounds__(256)                                                                  \
        NAME(const REAL *X, const double *shift, const double *candidates, const double *weight, double *nearest,      \
             double *sums, long long n, long long d)                                                                   \
    {                                                                                                                  \
        seed<REAL, COUNT, TAKE>(X, shift, candidates, weight, nearest, sums, n, d);                                    \
    }

KERNEL(seed_take_f32, float, 1, true)
KERNEL(seed_try_f32_2, float, 2, false)
KERNEL(seed_try_f32_4, float, 4, false)
KERNEL(seed_try_f32_8, float, 8, false)
KERNEL(seed_try_f32_12, float, 12, false)
KERNEL(seed_take_f64, double, 1, true)
KERNEL(seed_try_f64_2, double, 2, false)
KERNEL(seed_try_f64_4, double, 4, false)
KERNEL(seed_try_f64_8, double, 8, false)
KERNEL(seed_try_f64_12, double, 12, false)
