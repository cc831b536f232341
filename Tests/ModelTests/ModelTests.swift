import Model
import Testing
