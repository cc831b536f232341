// packing: written in a later commit
