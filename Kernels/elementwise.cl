// elementwise: written in a later commit
