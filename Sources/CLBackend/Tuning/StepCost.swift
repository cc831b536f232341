import Tape

/// Something that a variant makes from an operand of its pass, and that other passes may use as well.
package struct Making: Hashable, Sendable {
  /// The operand's position among the operation's inputs.
  let operand: Int
  /// What is made: equal for passes that can use the same.
  let what: String
  /// An activated copy, which costs next to nothing where the operand's producer writes it.
  let isCopy: Bool

  package init(operand: Int, what: String, isCopy: Bool = false) {
    self.operand = operand
    self.what = what
    self.isCopy = isCopy
  }
}

/// What a variant of a pass takes, in seconds.
package struct VariantTimes: Sendable {
  package let name: String
  /// With everything made from the operands there already.
  var own: Double
  /// Of a weight gradient that can be used for its Adam step without being stored: both together, in place of `own`.
  var update: Double?
  /// What is made from the operands.
  var makings: [(making: Making, seconds: Double)]

  package init(
    _ name: String, own: Double, update: Double? = nil, makings: [(making: Making, seconds: Double)] = []
  ) {
    self.name = name
    self.own = own
    self.update = update
    self.makings = makings
  }

  fileprivate func scaled(by factor: Double) -> VariantTimes {
    VariantTimes(
      name, own: own * factor, update: update.map { $0 * factor },
      makings: makings.map { ($0.making, $0.seconds * factor) })
  }
}

/// What the variants of a pass take.
package struct PassTimes: Sendable {
  /// Not empty; the default first where it is among them.
  package var variants: [VariantTimes]
  /// Of a weight gradient: an Adam step over it by itself, in seconds.
  var adam: Double

  package init(_ variants: [VariantTimes], adam: Double = 0) {
    self.variants = variants
    self.adam = adam
  }
}

/// What convolution passes take in steps that run together: what one makes from a tensor serves the others until the
/// tensor is written again, and a weight gradient may be used for its Adam step where it is made. A pure function of
/// the recording and of times.
package struct StepCost {
  private struct Pass {
    let key: PassKey
    /// The tensors' numbers.
    let operands: [Int]
    /// Operands whose producers write activated copies of them.
    let copied: Set<Int>
    /// It may be used for its Adam step without being stored.
    let isUpdate: Bool
  }

  private struct Event {
    let pass: Pass?
    /// Operands of passes that are written.
    let written: Set<Int>
    /// How often the event takes place, as it were.
    let weight: Double
    /// Nothing made before is there.
    let isFirst: Bool
  }

  /// Made from a tensor.
  private struct Made: Hashable {
    let tensor: Int
    let what: String
  }

  private var events: [Event] = []

  /// - Parameter sections: steps that are run together, with how often they are beside the others
  package init(_ recording: Recording, sections: [(steps: Range<Int>, weight: Double)]) {
    let placement = Placement(recording)
    var operands: [Tensor] = []
    for step in recording.steps where variedPass(of: step.operation) != nil {
      operands += step.operation.inputs
    }
    let tensors = Set(operands)
    for (steps, weight) in sections {
      let updates = WeightUpdates(recording, steps).updates
      let writes = steps.map { index -> Set<Int> in
        let outputs = recording.steps[index].operation.outputs.filter { !placement.views.contains($0.id) }
        return Set(
          tensors.filter { tensor in outputs.contains { placement.overlap($0, tensor) } }.map(\.id))
      }
      var copied: Set<Int> = []
      var others: Set<Int> = []
      for (index, written) in zip(steps, writes) {
        if recording.steps[index].operation is Norm {
          copied.formUnion(written)
        } else {
          others.formUnion(written)
        }
      }
      copied.subtract(others)
      for (index, written) in zip(steps, writes) {
        let operation = recording.steps[index].operation
        let pass = variedPass(of: operation).map { pass in
          Pass(
            key: pass.key(lanes: placement.weights[pass.packedWeight.id]!.lanes),
            operands: operation.inputs.map(\.id), copied: copied.intersection(operation.inputs.map(\.id)),
            isUpdate: updates[index] != nil)
        }
        guard pass != nil || !written.isEmpty else { continue }
        events.append(
          Event(pass: pass, written: written, weight: weight, isFirst: index == steps.lowerBound))
      }
    }
  }

  /// The time of all passes, in seconds; passes without a time take none.
  package func seconds(_ times: [PassKey: PassTimes], _ chosen: [PassKey: Int]) -> Double {
    var total = 0.0
    var fresh: Set<Made> = []
    for event in events {
      if event.isFirst { fresh = [] }
      if let pass = event.pass, let pair = times[pass.key], let index = chosen[pass.key] {
        let variant = pair.variants[index]
        var seconds = variant.own
        if pass.isUpdate { seconds = variant.update ?? variant.own + pair.adam }
        for (making, time) in variant.makings {
          let tensor = pass.operands[making.operand]
          if making.isCopy, pass.copied.contains(tensor) { continue }
          if fresh.insert(Made(tensor: tensor, what: making.what)).inserted { seconds += time }
        }
        total += event.weight * seconds
      }
      if !event.written.isEmpty { fresh = fresh.filter { !event.written.contains($0.tensor) } }
    }
    return total
  }

  /// Which variants make all passes together fastest, as far as changing one pass at a time, or all that can share
  /// something at once, leads there.
  ///
  /// - Parameters:
  ///   - defaults: names of the default variants
  ///   - gain: what replaces a default must take less than this share of its time: less is noise
  /// - Returns: a position among the pass' variants
  package func best(
    _ times: [PassKey: PassTimes], defaults: [PassKey: String], gain: Double
  ) -> [PassKey: Int] {
    let keys = times.keys.sorted { $0.description < $1.description }
    var judged = times
    for key in keys {
      judged[key]!.variants = times[key]!.variants.map { $0.name == defaults[key] ? $0.scaled(by: gain) : $0 }
    }
    func least(_ key: PassKey, _ fits: (VariantTimes) -> Bool) -> Int? {
      judged[key]!.variants.indices.filter { fits(judged[key]!.variants[$0]) }.min { first, second in
        let (first, second) = (judged[key]!.variants[first], judged[key]!.variants[second])
        return first.alone < second.alone
      }
    }
    var chosen: [PassKey: Int] = [:]
    for key in keys { chosen[key] = least(key) { _ in true } }
    var cost = seconds(judged, chosen)
    func adopt(_ changed: [PassKey: Int]) {
      guard changed != chosen else { return }
      let changedCost = seconds(judged, changed)
      if changedCost < cost { (chosen, cost) = (changed, changedCost) }
    }
    let groups = sharing(judged)
    var before = Double.infinity
    while cost < before {
      before = cost
      for key in keys {
        for index in judged[key]!.variants.indices {
          var changed = chosen
          changed[key] = index
          adopt(changed)
        }
      }
      for (made, members) in groups {
        var changed = chosen
        for member in members {
          changed[member.key] = least(member.key) { variant in
            variant.makings.contains { $0.making.operand == member.operand && $0.making.what == made.what }
          }
        }
        adopt(changed)
      }
    }
    return chosen
  }

  private struct Member: Hashable {
    let key: PassKey
    let operand: Int
  }

  /// Which passes can use what is made from each tensor, where several can; in the order of their steps.
  private func sharing(_ times: [PassKey: PassTimes]) -> [(Made, [Member])] {
    var order: [Made] = []
    var members: [Made: [Member]] = [:]
    for pass in events.compactMap(\.pass) {
      for variant in times[pass.key]?.variants ?? [] {
        for (making, _) in variant.makings {
          let made = Made(tensor: pass.operands[making.operand], what: making.what)
          let member = Member(key: pass.key, operand: making.operand)
          if members[made] == nil { order.append(made) }
          if !members[made, default: []].contains(member) { members[made, default: []].append(member) }
        }
      }
    }
    return order.filter { members[$0]!.count > 1 }.map { ($0, members[$0]!) }
  }
}

extension VariantTimes {
  /// With everything it makes, and stored.
  var alone: Double { makings.reduce(own) { $0 + $1.seconds } }
}
