// convolution_cpu: written in a later commit
