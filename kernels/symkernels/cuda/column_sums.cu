// One pass over the rows of X (n, p), C-ordered: U = X - shift with 0 where X is NaN, and for each column the sums of
// U, U^3 and U^4, the minimum and maximum of X, and how many values are NaN.
//
// A block owns 32 columns (a warp's lanes, so that reads are coalesced) and every gridDim.y-th tile of 8 rows. Each
// block leaves its own partial result, which the host adds up in a fixed order: no atomics, the same bits every time.

template <typename Real>
__device__ void column_sums(const Real *__restrict__ X, const double *__restrict__ shift, double *__restrict__ U,
                            double *__restrict__ partial, long long n, long long p)
{
    const long long column = blockIdx.x * 32LL + threadIdx.x;
    const double infinity = __longlong_as_double(0x7ff0000000000000LL);
    double total = 0, third = 0, fourth = 0, low = infinity, high = -infinity, gaps = 0;
    if (column < p) {
        const double c = shift[column];
        for (long long row = blockIdx.y * 8LL + threadIdx.y; row < n; row += gridDim.y * 8LL) {
            const double x = static_cast<double>(X[row * p + column]);
            const bool missing = isnan(x);
            const double u = missing ? 0.0 : x - c;
            const double square = u * u;
            U[row * p + column] = u;
            total += u;
            third += square * u;
            fourth += square * square;
            low = missing ? low : fmin(low, x);
            high = missing ? high : fmax(high, x);
            gaps += missing;
        }
    }
    __shared__ double held[6][8][33];
    held[0][threadIdx.y][threadIdx.x] = total;
    held[1][threadIdx.y][threadIdx.x] = third;
    held[2][threadIdx.y][threadIdx.x] = fourth;
    held[3][threadIdx.y][threadIdx.x] = low;
    held[4][threadIdx.y][threadIdx.x] = high;
    held[5][threadIdx.y][threadIdx.x] = gaps;
    __syncthreads();
    if (threadIdx.y != 0 || column >= p)
        return;
    for (int row = 1; row < 8; ++row) {
        total += held[0][row][threadIdx.x];
        third += held[1][row][threadIdx.x];
        fourth += held[2][row][threadIdx.x];
        low = fmin(low, held[3][row][threadIdx.x]);
        high = fmax(high, held[4][row][threadIdx.x]);
        gaps += held[5][row][threadIdx.x];
    }
    double *const mine = partial + blockIdx.y * 6LL * p + column;
    mine[0 * p] = total;
    mine[1 * p] = third;
    mine[2 * p] = fourth;
    mine[3 * p] = low;
    mine[4 * p] = high;
    mine[5 * p] = gaps;
}

extern "C" __global__ void column_sums_f64(const double *X, const double *shift, double *U, double *partial,
                                           long long n, long long p)
{
    column_sums<double>(X, shift, U, partial, n, p);
}

extern "C" __global__ void column_sums_f32(const float *X, const double *shift, double *U, double *partial,
                                           long long n, long long p)
{
    column_sums<float>(X, shift, U, partial, n, p);
}
