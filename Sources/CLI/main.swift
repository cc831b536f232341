import COpenCL
import CPNG
import CTurboJPEG
import Kernels

print(KernelSource.allCases.map(\.text), CL_SUCCESS, cpng_placeholder(), tjInitCompress() != nil)
