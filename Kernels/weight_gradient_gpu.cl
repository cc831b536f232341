// weight_gradient_gpu: written in a later commit
