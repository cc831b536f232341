#if Serve
  import Foundation
  import Hummingbird
  import HummingbirdCore
  import Logging
  import NIOPosix
  import ServiceLifecycle

  /// Serves pages and the API until it is told to stop.
  public struct PageServer: Sendable {
    private let configuration: ServerConfiguration
    private let watcher: RunWatcher
    private let room: ModelRoom
    private let bodies: RequestBodies

    /// Looks at the runs and models.
    ///
    /// - Throws: `ModelError.file` for a place that holds none
    public init(_ configuration: ServerConfiguration) throws {
      self.configuration = configuration
      watcher = try RunWatcher(configuration.places)
      room = ModelRoom(configuration)
      bodies = RequestBodies(configuration.limits)
    }

    /// Names of the models that are there now.
    public func models() async -> [String] { await watcher.catalog.models.map(\.name) }

    /// Listens and answers.
    ///
    /// - Parameters:
    ///   - stop: ends when the server shall stop: answers under way are ended, no others begun
    ///   - onListening: is given the port
    /// - Throws: the system's error where the address cannot be listened at
    public func run(
      stop: AsyncStream<Void>, onListening: @escaping @Sendable (_ port: Int) -> Void
    ) async throws {
      let access = AccessHolder(Access(configuration, port: configuration.port, addresses: addresses))
      let limits = configuration.limits
      // A page is small work beside a translation, and one thread leaves the other cores to it.
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      var application = Application(
        router: router(access),
        server: .http1(
          configuration: .init(
            idleTimeout: .seconds(Int64(limits.idleSeconds)),
            httpDecoderConfiguration: .init(
              maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))),
        configuration: .init(
          address: .hostname(configuration.host, port: configuration.port), serverName: "pix2pix",
          availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: Self.silent)),
        onServerRunning: { channel in
          let port = channel.localAddress?.port ?? configuration.port
          access.replace(Access(configuration, port: port, addresses: addresses))
          onListening(port)
        }, eventLoopGroupProvider: .shared(group), logger: Self.silent)
      application.logger = Self.silent
      var services = ServiceGroupConfiguration(
        services: [application, Listeners(watcher: watcher)], logger: Self.silent)
      services.maximumGracefulShutdownDuration = .seconds(limits.stopSeconds)
      let running = ServiceGroup(configuration: services)
      async let stopping: Void = {
        for await _ in stop {}
        await running.triggerGracefulShutdown()
      }()
      try await running.run()
      await stopping
      try await group.shutdownGracefully()
    }

    private var addresses: [String] { Access.addressesOfThisMachine() }

    private static let silent = Logger(label: "pix2pix") { _ in SwiftLogNoOpLogHandler() }

    private func router(_ access: AccessHolder) -> Router<BasicRequestContext> {
      let router = Router(options: .autoGenerateHeadEndpoints)
      router.add(middleware: AccessMiddleware(access: access))
      for route in routes.all {
        router.on(RouterPath(route.path), method: route.method) { request, context in
          // What stands behind a page's address is for its script.
          let query = try route.isPage ? Query() : Query(request, context, route.parameters)
          return try await route.answer(query, request)
        }
      }
      return router
    }

    private var routes: Routes {
      Routes(configuration: configuration, room: room, watcher: watcher, bodies: bodies)
    }

    /// Lets those who listen to events go when the server stops.
    private struct Listeners: Service {
      let watcher: RunWatcher

      func run() async throws {
        try await gracefulShutdown()
        await watcher.stop()
      }
    }
  }
#endif
