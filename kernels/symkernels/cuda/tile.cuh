// A tile of pairs, (rows of A) x (rows of B), in registers: what a blocked matrix product and a blocked table of
// distances have in common. `cuda.source` puts this text where it is included.
//
// A block of TY x TX threads owns TY * TM rows of A and TX * TN rows of B; a thread owns TM x TN pairs, as chunks of 16
// bytes, so that its shared memory reads are LDS.128. Both panels pass through shared memory transposed, DEPTH columns
// at a time, in two buffers: the next columns travel from global memory to registers while these are worked on, and one
// barrier a step is enough. A warp is 4 x 8 threads: its reads are 4 and 8 different chunks, one wavefront each. A stride
// is a chunk longer than its panel, so that the transposing stores hit every bank once.

template <typename Real_, int TY_, int TX_, int TM_, int TN_>
struct Tile {
    using Real = Real_;
    static constexpr int TY = TY_, TX = TX_, TM = TM_, TN = TN_;
    static constexpr int THREADS = TY * TX, DEPTH = 8, CHUNK = Chunk<Real>::SIZE;
    static constexpr int ROWS = TY * TM, COLUMNS = TX * TN;
    static_assert(TY % 4 == 0 && TX % 8 == 0 && TM % CHUNK == 0 && TN % CHUNK == 0, "chunks and 4 x 8 warps");
    static_assert(ROWS * DEPTH % THREADS == 0 && COLUMNS * DEPTH % THREADS == 0, "every thread loads as much");

    // What one thread loads of a panel of WIDTH rows: PART neighbouring columns of one row (of several, if PART would
    // exceed DEPTH).
    template <int WIDTH>
    struct Panel {
        static constexpr int SHARE = WIDTH * DEPTH / THREADS;
        static constexpr int PART = SHARE < DEPTH ? SHARE : DEPTH;
        static constexpr int REPEATS = SHARE / PART;
        static constexpr int BESIDE = DEPTH / PART;  // threads that share a row
        static constexpr int STRIDE = WIDTH + CHUNK;

        Real held[REPEATS][PART];

        // Columns [column, column + PART) of the rows from ``first``; zeros outside of (n, d). ALIGNED: every row
        // starts at 16 bytes, and d is a multiple of a chunk.
        template <bool ALIGNED>
        __device__ __forceinline__ void load(const Real *__restrict__ X, long long first, long long n, long long d,
                                             long long column, int thread)
        {
            column += thread % BESIDE * PART;
#pragma unroll
            for (int r = 0; r < REPEATS; ++r) {
                const long long row = first + thread / BESIDE + r * (THREADS / BESIDE);
                const Real *const from = X + row * d + column;
                if constexpr (ALIGNED && PART % CHUNK == 0) {
#pragma unroll
                    for (int j = 0; j < PART; j += CHUNK) {
                        if (row < n && column + j < d) {
                            read_chunk(&held[r][j], from + j);
                        } else {
#pragma unroll
                            for (int i = 0; i < CHUNK; ++i)
                                held[r][j + i] = 0;
                        }
                    }
                } else {
#pragma unroll
                    for (int j = 0; j < PART; ++j)
                        held[r][j] = row < n && column + j < d ? from[j] : Real(0);
                }
            }
        }

        // What was loaded, transposed; ``prepare(value, column)`` comes here, so that nobody waits for the load before.
        template <typename Prepare>
        __device__ __forceinline__ void store(Real (*__restrict__ to)[STRIDE], long long d, long long column,
                                              int thread, Prepare prepare) const
        {
            const int beside = thread % BESIDE * PART;
#pragma unroll
            for (int r = 0; r < REPEATS; ++r)
#pragma unroll
                for (int j = 0; j < PART; ++j)
                    to[beside + j][thread / BESIDE + r * (THREADS / BESIDE)] =
                        column + beside + j < d ? prepare(held[r][j], column + beside + j) : Real(0);
        }
    };

    using PanelA = Panel<ROWS>;
    using PanelB = Panel<COLUMNS>;

    struct Shared {
        alignas(16) Real A[2][DEPTH][PanelA::STRIDE];
        alignas(16) Real B[2][DEPTH][PanelB::STRIDE];
    };

    // Where a thread stands in the block, and which of the tile's rows and columns its pairs are of.
    static __device__ __forceinline__ int ty(int thread) { return thread / 32 / (TX / 8) * 4 + thread % 32 / 8; }
    static __device__ __forceinline__ int tx(int thread) { return thread / 32 % (TX / 8) * 8 + thread % 8; }
    static __device__ __forceinline__ int row(int ty, int i) { return i / CHUNK * (TY * CHUNK) + ty * CHUNK + i % CHUNK; }
    static __device__ __forceinline__ int column(int tx, int j)
    {
        return j / CHUNK * (TX * CHUNK) + tx * CHUNK + j % CHUNK;
    }

    template <int COUNT, int STEP>
    static __device__ __forceinline__ void fetch(Real (&to)[COUNT], const Real *from)
    {
#pragma unroll
        for (int c = 0; c < COUNT / CHUNK; ++c)
            read_chunk(&to[c * CHUNK], from + c * STEP);
    }

    // pairs[i][j] = step(pairs[i][j], prepare(a, column), b) over all d columns, for the rows of A from ``a0`` and those of
    // B from ``b0``.
    template <bool ALIGNED, typename Prepare, typename Step>
    static __device__ __forceinline__ void run(Shared &shared, Real (&pairs)[TM][TN], const Real *__restrict__ A,
                                               long long a0, long long an, const Real *__restrict__ B, long long b0,
                                               long long bn, long long d, Prepare prepare, Step step)
    {
        const int thread = threadIdx.x;
        const int y = ty(thread) * CHUNK, x = tx(thread) * CHUNK;
        PanelA panel_a;
        PanelB panel_b;
        panel_a.template load<ALIGNED>(A, a0, an, d, 0, thread);
        panel_b.template load<ALIGNED>(B, b0, bn, d, 0, thread);
        __syncthreads();  // the buffers may still be read, by a caller's previous run
        const auto plain = [](Real value, long long) { return value; };
        panel_a.store(shared.A[0], d, 0, thread, prepare);
        panel_b.store(shared.B[0], d, 0, thread, plain);
        __syncthreads();
        int buffer = 0;
        for (long long column = 0; column < d; column += DEPTH) {
            const bool more = column + DEPTH < d;
            if (more) {
                panel_a.template load<ALIGNED>(A, a0, an, d, column + DEPTH, thread);
                panel_b.template load<ALIGNED>(B, b0, bn, d, column + DEPTH, thread);
            }
#pragma unroll
            for (int c = 0; c < DEPTH; ++c) {
                Real a[TM], b[TN];
                fetch<TM, TY * CHUNK>(a, &shared.A[buffer][c][y]);
                fetch<TN, TX * CHUNK>(b, &shared.B[buffer][c][x]);
#pragma unroll
                for (int i = 0; i < TM; ++i)
#pragma unroll
                    for (int j = 0; j < TN; ++j)
                        pairs[i][j] = step(pairs[i][j], a[i], b[j]);
            }
            if (more) {
                buffer ^= 1;  // last read before the previous barrier
                panel_a.store(shared.A[buffer], d, column + DEPTH, thread, prepare);
                panel_b.store(shared.B[buffer], d, column + DEPTH, thread, plain);
                __syncthreads();
            }
        }
    }
};
