import CLBackend
import Testing
