import Tape
import Testing
