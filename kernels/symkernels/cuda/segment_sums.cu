// Sums of the rows of each cluster, without contention: the host sorts the row numbers by label, so that a cluster is a
// segment of ``order``, and every segment is cut into pieces of at most PIECE rows. A block sums one piece, and a second
// kernel adds up the pieces of a cluster. Both in float64 and in an order that only the labels decide: no atomics, the
// same bits every time. A cluster of all rows is as fast as many small ones.
//
// offsets (k + 1): where each cluster's segment starts in ``order``. pieces (k + 1): the number of its first piece.

constexpr long long PIECE = 1024;

// The sum of the same column over the block's rows of threads, in a fixed order; complete in the first row.
__device__ __forceinline__ double over_rows(double value)
{
    __shared__ double held[256];
    const int place = threadIdx.y * blockDim.x + threadIdx.x;
    held[place] = value;
    __syncthreads();
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
        if (threadIdx.y < half)
            held[place] += held[place + half * blockDim.x];
        __syncthreads();
    }
    return held[threadIdx.x];
}

// Block (lanes, 256 / lanes), both powers of two; grid (at least as many as there are pieces, columns / lanes).
template <typename Real>
__device__ void piece_sums(const Real *__restrict__ X, const double *__restrict__ shift,
                           const double *__restrict__ weight, const long long *__restrict__ order,
                           const long long *__restrict__ offsets, const long long *__restrict__ pieces,
                           double *__restrict__ partial, long long k, long long d)
{
    const long long piece = blockIdx.x;
    if (piece >= pieces[k])  // the grid was sized without asking the device
        return;
    long long cluster = 0, above = k;  // pieces[cluster] <= piece < pieces[above]
    while (above - cluster > 1) {
        const long long middle = (cluster + above) / 2;
        if (pieces[middle] <= piece)
            cluster = middle;
        else
            above = middle;
    }
    const long long begin = offsets[cluster] + (piece - pieces[cluster]) * PIECE;
    const long long end = begin + PIECE < offsets[cluster + 1] ? begin + PIECE : offsets[cluster + 1];
    const long long column = blockIdx.y * static_cast<long long>(blockDim.x) + threadIdx.x;
    double total = 0;
    if (column < d) {
        const double c = shift ? shift[column] : 0.0;
#pragma unroll 4
        for (long long i = begin + threadIdx.y; i < end; i += blockDim.y) {
            const long long row = order[i];
            const double value = static_cast<double>(X[row * d + column]) - c;
            total += weight ? weight[row] * value : value;
        }
    }
    total = over_rows(total);
    if (threadIdx.y == 0 && column < d)
        partial[piece * d + column] = total;
}

extern "C" __global__ void piece_sums_f32(const float *X, const double *shift, const double *weight,
                                          const long long *order, const long long *offsets, const long long *pieces,
                                          double *partial, long long k, long long d)
{
    piece_sums<float>(X, shift, weight, order, offsets, pieces, partial, k, d);
}

extern "C" __global__ void piece_sums_f64(const double *X, const double *shift, const double *weight,
                                          const long long *order, const long long *offsets, const long long *pieces,
                                          double *partial, long long k, long long d)
{
    piece_sums<double>(X, shift, weight, order, offsets, pieces, partial, k, d);
}

// sums (k, d) += the pieces of each cluster. Block as above; grid (k, columns / lanes).
extern "C" __global__ void segment_sums(const double *partial, const long long *pieces, double *sums, long long d)
{
    const long long cluster = blockIdx.x;
    const long long column = blockIdx.y * static_cast<long long>(blockDim.x) + threadIdx.x;
    double total = 0;
    if (column < d) {
#pragma unroll 4
        for (long long piece = pieces[cluster] + threadIdx.y; piece < pieces[cluster + 1]; piece += blockDim.y)
            total += partial[piece * d + column];
    }
    total = over_rows(total);
    if (threadIdx.y == 0 && column < d)
        sums[cluster * d + column] += total;
}
