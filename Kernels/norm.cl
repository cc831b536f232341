// norm: written in a later commit
