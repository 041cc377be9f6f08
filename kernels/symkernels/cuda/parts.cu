// Arithmetic of numbers in three parts, element by element: what `_parts` computes, in one kernel for each operation.
//
// The intrinsics round every operation by itself. Without them the compiler contracts products and sums, and sums
// without rounding errors would have some.
//
// Operands are broadcast: element (r, c) of operand k is at operands[k][r * strides[2 k] + c * strides[2 k + 1]].

struct Parts {
    double high, middle, low;
};

// The rounded sum becomes `a`, its rounding error `b`.
__device__ __forceinline__ void two_sum(double &a, double &b)
{
    const double s = __dadd_rn(a, b), t = __dsub_rn(s, a);
    b = __dadd_rn(__dsub_rn(a, __dsub_rn(s, t)), __dsub_rn(b, t));
    a = s;
}

// The same where |a| >= |b|, or a is 0.
__device__ __forceinline__ void quick_two_sum(double &a, double &b)
{
    const double s = __dadd_rn(a, b);
    b = __dsub_rn(b, __dsub_rn(s, a));
    a = s;
}

// The rounded product becomes `a`, its rounding error `b`.
__device__ __forceinline__ void two_product(double &a, double &b)
{
    const double p = __dmul_rn(a, b);
    b = __fma_rn(a, b, -p);
    a = p;
}

__device__ __forceinline__ Parts normalized(double a, double b, double c, double d)
{
    two_sum(c, d);
    two_sum(b, c);
    two_sum(a, b);
    quick_two_sum(c, d);
    quick_two_sum(b, c);
    quick_two_sum(a, b);
    quick_two_sum(b, c);
    return {a, b, __dadd_rn(c, d)};
}

__device__ __forceinline__ Parts sum(Parts a, Parts b)
{
    two_sum(a.high, b.high);
    two_sum(a.middle, b.middle);
    two_sum(a.low, b.low);
    two_sum(a.middle, b.high);
    two_sum(a.low, b.middle);
    two_sum(a.low, b.high);
    return normalized(a.high, a.middle, a.low, __dadd_rn(__dadd_rn(b.low, b.middle), b.high));
}

__device__ __forceinline__ Parts sum(Parts a, double b)
{
    two_sum(a.high, b);
    two_sum(a.middle, b);
    two_sum(a.low, b);
    return normalized(a.high, a.middle, a.low, b);
}

__device__ __forceinline__ Parts product(Parts a, Parts b)
{
    double p = a.high, e = b.high, q = a.high, f = b.middle, r = a.middle, g = b.high;
    two_product(p, e);
    two_product(q, f);
    two_product(r, g);
    two_sum(q, r);
    two_sum(e, q);
    const double small = __dadd_rn(__dadd_rn(__dmul_rn(a.high, b.low), __dmul_rn(a.middle, b.middle)),
                                   __dmul_rn(a.low, b.high));
    return normalized(p, e, __dadd_rn(__dadd_rn(__dadd_rn(f, g), __dadd_rn(r, q)), small), 0.0);
}

__device__ __forceinline__ Parts product(Parts a, double b)
{
    double p = a.high, e = b, q = a.middle, f = b;
    two_product(p, e);
    two_product(q, f);
    two_sum(e, q);
    return normalized(p, e, __dadd_rn(__dadd_rn(q, f), __dmul_rn(a.low, b)), 0.0);
}

__device__ __forceinline__ Parts quotient(Parts a, Parts b)
{
    const double first = __ddiv_rn(a.high, b.high);
    Parts rest = sum(a, product(b, -first));
    const double second = __ddiv_rn(rest.high, b.high);
    rest = sum(rest, product(b, -second));
    return normalized(first, second, __ddiv_rn(rest.high, b.high), 0.0);
}

__device__ __forceinline__ double operand(const double *values, const long long *strides, int k, long long r, long long c)
{
    return values[r * strides[2 * k] + c * strides[2 * k + 1]];
}

#define LEFT {operand(a0, strides, 0, r, c), operand(a1, strides, 1, r, c), operand(a2, strides, 2, r, c)}
#define RIGHT {operand(b0, strides, 3, r, c), operand(b1, strides, 4, r, c), operand(b2, strides, 5, r, c)}
#define NUMBER operand(b0, strides, 3, r, c)

#define EACH(expression)                                                                                        \
    const long long size = rows * columns, step = static_cast<long long>(gridDim.x) * blockDim.x;               \
    for (long long i = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x; i < size; i += step) {    \
        const long long r = i / columns, c = i % columns;                                                       \
        const Parts a = LEFT, found = expression;                                                               \
        result[i] = found.high;                                                                                 \
        result[size + i] = found.middle;                                                                        \
        result[2 * size + i] = found.low;                                                                       \
    }

extern "C" __global__ void add(const double *a0, const double *a1, const double *a2, const double *b0,
                               const double *b1, const double *b2, const long long *strides, double *result,
                               long long rows, long long columns)
{
    EACH(sum(a, Parts RIGHT))
}

extern "C" __global__ void multiply(const double *a0, const double *a1, const double *a2, const double *b0,
                                    const double *b1, const double *b2, const long long *strides, double *result,
                                    long long rows, long long columns)
{
    EACH(product(a, Parts RIGHT))
}

extern "C" __global__ void divide(const double *a0, const double *a1, const double *a2, const double *b0,
                                  const double *b1, const double *b2, const long long *strides, double *result,
                                  long long rows, long long columns)
{
    EACH(quotient(a, Parts RIGHT))
}

extern "C" __global__ void add_number(const double *a0, const double *a1, const double *a2, const double *b0,
                                      const long long *strides, double *result, long long rows, long long columns)
{
    EACH(sum(a, NUMBER))
}

extern "C" __global__ void multiply_number(const double *a0, const double *a1, const double *a2, const double *b0,
                                           const long long *strides, double *result, long long rows,
                                           long long columns)
{
    EACH(product(a, NUMBER))
}
