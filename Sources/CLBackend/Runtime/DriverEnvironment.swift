import Foundation

/// What drivers and their compilers need of the process' environment, so that they find a device and do not end the process.
package struct DriverEnvironment {
  /// Variables to set.
  package private(set) var variables: [String: String] = [:]
  /// What the user should know, a line each.
  package private(set) var notes: [String] = []
  private var environment: [String: String]

  /// Looks at folders and processors; sets nothing yet.
  package init(
    _ environment: [String: String], allowedProcessors: Set<Int>, onlineProcessors: Int,
    temporaryFolders: [String]? = nil, vendorFolders: [String] = Self.vendorFolders
  ) {
    self.environment = environment
    findTools()
    findVendors(vendorFolders)
    chooseCaches(
      temporaryFolders ?? [environment["TMPDIR"], "/tmp", "/var/tmp", "/dev/shm"].compactMap { $0 })
    if environment["POCL_AFFINITY"] == nil,
      PoCL.canTieThreads(environment, allowed: allowedProcessors, online: onlineProcessors)
    {
      set("POCL_AFFINITY", "1")
    }
  }

  /// To be called before a driver is first asked. Done once.
  static func prepare() { _ = prepared }

  private static let prepared: Void = {
    var environment = ProcessInfo.processInfo.environment
    let needed = DriverEnvironment(
      environment, allowedProcessors: allowedProcessors(),
      onlineProcessors: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    for (name, value) in needed.variables {
      setenv(name, value, 1)
      environment[name] = value
    }
    for note in needed.notes { logToStandardError(note) }
    let cache = PoCL.cacheFolder(environment)
    let damaged = PoCL.removeDamagedFiles(below: cache)
    if damaged > 0 {
      logToStandardError("\(cache): \(damaged) damaged file(s) of PoCL's cache removed; they are made again")
    }
    let ours = ProgramCache.defaultDirectory(environment: environment).map { "\($0)/programs" }
    DriverDeath.watch(
      caches: [cache] + [ours].compactMap { $0 },
      hint: hasLinker(environment["PATH"] ?? "")
        ? nil : "PoCL links kernels with ld, which is in no folder of PATH: install binutils")
  }()

  /// Empty where the system does not say, as only Linux does.
  private static func allowedProcessors() -> Set<Int> {
    let title = "Cpus_allowed_list:"
    let status = FileManager.default.contents(atPath: "/proc/self/status") ?? Data()
    for line in String(decoding: status, as: UTF8.self).split(separator: "\n") where line.hasPrefix(title) {
      return processors(line.dropFirst(title.count).trimmingCharacters(in: .whitespaces))
    }
    return []
  }

  /// The numbers in a list such as 0-3,8; none where it is anything else.
  package static func processors(_ list: String) -> Set<Int> {
    var result: Set<Int> = []
    for part in list.split(separator: ",") {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, 0 <= first, first <= last,
        last < 1 << 16
      else { return [] }
      result.formUnion(first...last)
    }
    return result
  }

  private mutating func set(_ name: String, _ value: String) {
    variables[name] = value
    environment[name] = value
  }

  // MARK: Tools

  /// Where every Unix has its programs.
  private static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// PoCL links kernels with `ld`, which it looks for in PATH; a service or a container may have none.
  private mutating func findTools() {
    let path = environment["PATH"] ?? ""
    guard !Self.hasLinker(path) else { return }
    set("PATH", path.isEmpty ? Self.standardPath : "\(path):\(Self.standardPath)")
  }

  static func hasLinker(_ path: String) -> Bool {
    path.split(separator: ":").contains { access("\($0)/ld", X_OK) == 0 }
  }

  // MARK: Drivers

  /// Where systems name their drivers: most of them, openSUSE, NixOS, what was installed by hand.
  package static let vendorFolders = [
    "/etc/OpenCL/vendors", "/usr/share/OpenCL/vendors", "/run/opengl-driver/etc/OpenCL/vendors",
    "/usr/local/etc/OpenCL/vendors",
  ]

  /// OpenCL's loader looks into the first folder only, where it is not the system's own.
  private mutating func findVendors(_ folders: [String]) {
    guard environment["OCL_ICD_VENDORS"] == nil, environment["OPENCL_VENDOR_PATH"] == nil,
      let found = folders.first(where: Self.namesDrivers), found != folders.first
    else { return }
    set("OCL_ICD_VENDORS", found)
  }

  private static func namesDrivers(_ folder: String) -> Bool {
    (try? FileManager.default.contentsOfDirectory(atPath: folder))?.contains { $0.hasSuffix(".icd") } ?? false
  }

  // MARK: Caches

  /// Other folders for compiled kernels where those that would be taken cannot be written.
  private mutating func chooseCaches(_ temporaryFolders: [String]) {
    let ours = ProgramCache.defaultDirectory(environment: environment)
    let chosen = [
      ("PIX2PIX_CACHE", ours ?? "", "pix2pix"), ("POCL_CACHE_DIR", PoCL.cacheFolder(environment), "pocl"),
    ]
    let unfit = chosen.filter { !Self.canBeWritten($0.1) }
    guard !unfit.isEmpty else { return }
    let names = unfit.map(\.1).filter { !$0.isEmpty }.joined(separator: " and ")
    guard let folder = Self.privateFolder(below: temporaryFolders) else {
      notes.append(
        "no folder for compiled kernels can be written (\(names)), so that PoCL has no device: set POCL_CACHE_DIR and PIX2PIX_CACHE"
      )
      return
    }
    for (name, _, part) in unfit { set(name, "\(folder)/\(part)") }
    if !names.isEmpty {
      notes.append(
        "\(names) cannot be written; compiled kernels are kept in \(folder) (POCL_CACHE_DIR and PIX2PIX_CACHE name other folders)"
      )
    }
  }

  /// Whether files can be made in a folder, or in the one it would be made in. What is written there is removed again.
  package static func canBeWritten(_ folder: String) -> Bool {
    guard !folder.isEmpty else { return false }
    var existing = folder.hasPrefix("/") ? folder : "./" + folder
    // A loop of links, or a file in the place of a folder, is found by what follows.
    while access(existing, F_OK) != 0, errno == ENOENT, let slash = existing.lastIndex(of: "/") {
      existing = String(existing[..<slash])
      if existing.isEmpty { existing = "/" }
    }
    var name = Array("\(existing)/.pix2pix-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { return false }
    let probe = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { rmdir(probe) }
    let file = "\(probe)/probe"
    let descriptor = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    defer { unlink(file) }
    // A full disk takes the folder and the name, but no content.
    let content = [UInt8](repeating: 1, count: 64 << 10)
    let isWritten = write(descriptor, content, content.count) == content.count
    return close(descriptor) == 0 && isWritten
  }

  /// A folder of this user's alone, made if need be: the kernels in it are run. nil if none can be made.
  package static func privateFolder(below folders: [String]) -> String? {
    for folder in folders where folder.hasPrefix("/") {
      for ending in ["", "-2", "-3", "-4"] {
        let path = "\(folder)/pix2pix-\(geteuid())\(ending)"
        mkdir(path, 0o700)
        var facts = stat()
        // Another user may have made it, or a link, to have us run what lies there.
        guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(),
          facts.st_mode & 0o077 == 0, canBeWritten(path)
        else { continue }
        return path
      }
    }
    return nil
  }
}
