// convolution_gpu: written in a later commit
