// weight_gradient_cpu: written in a later commit
