// 16 bytes: what one memory instruction moves at most.

template <typename Real>
struct Chunk;
template <>
struct Chunk<float> {
    using Type = float4;
    static constexpr int SIZE = 4;
};
template <>
struct Chunk<double> {
    using Type = double2;
    static constexpr int SIZE = 2;
};

template <typename Real>
__device__ __forceinline__ void read_chunk(Real *to, const Real *from)
{
    const auto chunk = *reinterpret_cast<const typename Chunk<Real>::Type *>(from);
    to[0] = chunk.x;
    to[1] = chunk.y;
    if constexpr (Chunk<Real>::SIZE == 4) {
        to[2] = chunk.z;
        to[3] = chunk.w;
    }
}

