import Images
import Random
import Tape

extension TrainingOptions {
  /// A training of the same kind that the reference runs in a moment: the same layers, objective and losses, on small
  /// pictures, with few channels. A training that is as small is its own case.
  public var smallCase: TrainingOptions {
    var small = self
    // Channels of whole blocks of 16 stay whole, since kernels differ for others.
    func channels(_ count: Int) -> Int { count <= 16 ? count : 16 + count % 16 }
    small.network.ngf = channels(network.ngf)
    small.network.ndf = channels(network.ndf)
    small.batchSize = min(batchSize, 2)
    for side in [32, 64, 128, 256, 512] where side < min(network.size.width, network.size.height) {
      small.network.sizeWithLevels = PictureSize(square: side)
      small.network.levels = min(small.network.levels, network.levels)
      if (try? small.network.validate()) != nil { return small }
    }
    small.network.sizeWithLevels = network.size
    small.network.levels = network.levels
    return small
  }
}
