import Tape

/// A form of a pass' operand that a variant derives, and that other passes may use too.
package struct OperandDerivation: Hashable, Sendable {
  /// The operand's position among the operation's inputs.
  let operand: Int
  /// Equal for passes that can use the same.
  let form: String
  /// An activated copy, which costs next to nothing where the operand's producer writes it.
  let isCopy: Bool

  package init(operand: Int, form: String, isCopy: Bool = false) {
    self.operand = operand
    self.form = form
    self.isCopy = isCopy
  }
}

/// The times of a variant of a pass, in seconds.
package struct VariantTimes: Sendable {
  package let name: String
  /// Without the derivations.
  var own: Double
  /// A weight gradient that can be used for its Adam step without being stored: both together, in place of `own`.
  var update: Double?
  var derivations: [(derivation: OperandDerivation, seconds: Double)]

  package init(
    _ name: String, own: Double, update: Double? = nil,
    derivations: [(derivation: OperandDerivation, seconds: Double)] = []
  ) {
    self.name = name
    self.own = own
    self.update = update
    self.derivations = derivations
  }

  fileprivate func scaled(by factor: Double) -> VariantTimes {
    VariantTimes(
      name, own: own * factor, update: update.map { $0 * factor },
      derivations: derivations.map { ($0.derivation, $0.seconds * factor) })
  }
}

/// The times of a pass' variants.
package struct PassTimes: Sendable {
  /// Not empty; the default first where it is among them.
  package var variants: [VariantTimes]
  /// A weight gradient: the time of its Adam step alone, in seconds.
  var adam: Double

  package init(_ variants: [VariantTimes], adam: Double = 0) {
    self.variants = variants
    self.adam = adam
  }
}

/// The time of all convolution passes of steps that run together: a form that one derives from a tensor serves the others
/// until the tensor is written again, and a weight gradient may be used for its Adam step at once. A pure function of the
/// recording and of times.
package struct StepCost {
  private struct Pass {
    let key: PassKey
    /// The tensors' numbers.
    let operands: [Int]
    /// Operands with activated copies by the launches that write them.
    let copied: Set<Int>
    /// It may be used for its Adam step without being stored.
    let isUpdate: Bool
  }

  private struct Event {
    let pass: Pass?
    /// Operands of passes that are written.
    let written: Set<Int>
    /// The number of runs of the event's section, relative to the others'.
    let weight: Double
    /// The first of its section: nothing is derived yet.
    let isFirst: Bool
  }

  private struct DerivedTensor: Hashable {
    /// The tensor's number.
    let tensor: Int
    let form: String
  }

  private var events: [Event] = []

  /// - Parameter sections: steps that run together, and the number of their runs relative to the others'
  package init(_ recording: Recording, sections: [(steps: Range<Int>, weight: Double)]) {
    let placement = Placement(recording)
    var operands: [Tensor] = []
    for step in recording.steps where step.operation is any PassOperation {
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
        if (recording.steps[index].operation as? any OpenCLOperation)?.writesActivatedCopies ?? false {
          copied.formUnion(written)
        } else {
          others.formUnion(written)
        }
      }
      copied.subtract(others)
      for (index, written) in zip(steps, writes) {
        let operation = recording.steps[index].operation
        let pass = (operation as? any PassOperation)?.pass
        let timed = pass.map { pass in
          Pass(
            key: pass.key(lanes: placement.weights[pass.packedWeight.id]!.lanes),
            operands: operation.inputs.map(\.id), copied: copied.intersection(operation.inputs.map(\.id)),
            isUpdate: updates[index] != nil)
        }
        guard timed != nil || !written.isEmpty else { continue }
        events.append(
          Event(pass: timed, written: written, weight: weight, isFirst: index == steps.lowerBound))
      }
    }
  }

  /// The time of all passes, in seconds; passes without a time take none.
  package func seconds(_ times: [PassKey: PassTimes], _ chosen: [PassKey: Int]) -> Double {
    var total = 0.0
    var current: Set<DerivedTensor> = []
    for event in events {
      if event.isFirst { current = [] }
      if let pass = event.pass, let pair = times[pass.key], let index = chosen[pass.key] {
        let variant = pair.variants[index]
        var seconds = variant.own
        if pass.isUpdate { seconds = variant.update ?? variant.own + pair.adam }
        for (derivation, time) in variant.derivations {
          let tensor = pass.operands[derivation.operand]
          if derivation.isCopy, pass.copied.contains(tensor) { continue }
          let derived = DerivedTensor(tensor: tensor, form: derivation.form)
          if current.insert(derived).inserted { seconds += time }
        }
        total += event.weight * seconds
      }
      if !event.written.isEmpty { current = current.filter { !event.written.contains($0.tensor) } }
    }
    return total
  }

  /// The variants with which all passes together are fastest, as far as changes of one pass at a time, or of all that can
  /// share a derived tensor, lead there.
  ///
  /// - Parameters:
  ///   - defaults: names of the default variants
  ///   - gain: a variant that replaces a default must take less than this share of its time: less is noise
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
      for (derived, members) in groups {
        var changed = chosen
        for member in members {
          changed[member.key] = least(member.key) { variant in
            variant.derivations.contains {
              $0.derivation.operand == member.operand && $0.derivation.form == derived.form
            }
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

  /// The derived tensors that several passes can use, in the order of their steps, and those passes.
  private func sharing(_ times: [PassKey: PassTimes]) -> [(DerivedTensor, [Member])] {
    var order: [DerivedTensor] = []
    var members: [DerivedTensor: [Member]] = [:]
    for pass in events.compactMap(\.pass) {
      for variant in times[pass.key]?.variants ?? [] {
        for (derivation, _) in variant.derivations {
          let derived = DerivedTensor(tensor: pass.operands[derivation.operand], form: derivation.form)
          let member = Member(key: pass.key, operand: derivation.operand)
          if members[derived] == nil { order.append(derived) }
          if !members[derived, default: []].contains(member) { members[derived, default: []].append(member) }
        }
      }
    }
    return order.filter { members[$0]!.count > 1 }.map { ($0, members[$0]!) }
  }
}

extension VariantTimes {
  /// With its derivations, and stored.
  var alone: Double { derivations.reduce(own) { $0 + $1.seconds } }
}
