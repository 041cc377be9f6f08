"""What the eigenvalues of a covariance or correlation matrix tell: components, singular values, redundant attributes.

Each function is one body in the array API standard. It needs no faster one for NumPy: ``numpy.linalg.eigh`` (LAPACK
dsyevd) took as long as the bare LAPACK call with its buffers reused, and less than dsyevr at p = 50, 200 and 1,000
(0.16, 2.7 and 84 ms against 0.21, 3.8 and 134 ms on two cores); unlike SciPy's wrappers it releases the GIL. For CuPy
the same call is cuSOLVER's syevd.
"""

from ._pca import PCAResult, pca
from ._select import SVDSelection, svd_select
from ._svd import SVDResult, svd

__all__ = ["PCAResult", "SVDResult", "SVDSelection", "pca", "svd", "svd_select"]
