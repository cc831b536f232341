import Images
import Tape

extension TrainingOptions {
  /// Trainings of the same kind that the reference runs in a moment: the same layers, objective and losses, with fewer
  /// channels. The first has small pictures; a training that is as small is its own case. The second has large ones, for
  /// the kernels that large maps take.
  public var smallCases: [TrainingOptions] {
    // Channels of whole blocks of 16 stay whole, since kernels differ for others.
    func channels(_ count: Int) -> Int { count <= 16 ? count : 16 + count % 16 }
    // From six levels on a U-Net drops, as all larger ones do.
    let first = shrunk(
      to: 64, ngf: channels(network.ngf), ndf: channels(network.ndf), batchSize: min(batchSize, 2))
    let second = shrunk(to: 256, ngf: min(network.ngf, 4), ndf: min(network.ndf, 4), batchSize: 1)
    return first.network.size.area < second.network.size.area ? [first, second] : [first]
  }

  /// With square pictures of that many pixels on a side, more where the discriminator's patches need it, if they are larger.
  private func shrunk(to least: Int, ngf: Int, ndf: Int, batchSize: Int) -> TrainingOptions {
    var small = self
    (small.network.ngf, small.network.ndf, small.batchSize) = (ngf, ndf, batchSize)
    // A teacher is as much smaller as the student is.
    let teacherLevels = distillation?.network?.levels ?? 0
    small.distillation?.network?.ngf = min(distillation?.network?.ngf ?? ngf, ngf)
    var side = least
    while side < min(network.size.width, network.size.height) {
      small.network.sizeWithLevels = PictureSize(square: side)
      small.network.levels = min(small.network.levels, network.levels)
      small.distillation?.network?.levels = min(
        teacherLevels, NetworkConfiguration.standardLevels(small.network.size))
      if (try? small.network.validate()) != nil { return small }
      side *= 2
    }
    (small.network.size, small.network.levels) = (network.size, network.levels)
    small.distillation?.network?.levels = teacherLevels
    return small
  }
}
