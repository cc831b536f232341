// loss: written in a later commit
