// adam: written in a later commit
