public import Configuration
internal import EventLoop

/// Logs structured lines into a ring. A value that any thread may use; never blocks.
public struct Logger: Sendable {
    /// The least severe level that is logged.
    public var level: LogLevel
    /// Where the lines go.
    public let ring: LogRing
    /// Fields that stand on every line, behind the line's own.
    public var common: [LogLine.Field]

    /// Makes a logger.
    public init(level: LogLevel, ring: LogRing, common: KeyValuePairs<LogKey, LogValue> = [:]) {
        self.level = level
        self.ring = ring
        self.common = Self.fields(common)
    }

    /// Logs for the search of a fault. Everything that happens for each event is logged here.
    public func debug(
        _ message: StaticString, _ metadata: @autoclosure () -> KeyValuePairs<LogKey, LogValue> = [:]
    ) {
        log(.debug, message, metadata())
    }

    /// Logs what an operator wants to see in normal times.
    public func info(
        _ message: StaticString, _ metadata: @autoclosure () -> KeyValuePairs<LogKey, LogValue> = [:]
    ) {
        log(.info, message, metadata())
    }

    /// Logs what needs a look.
    public func warning(
        _ message: StaticString, _ metadata: @autoclosure () -> KeyValuePairs<LogKey, LogValue> = [:]
    ) {
        log(.warning, message, metadata())
    }

    /// Logs what needs an action.
    public func error(
        _ message: StaticString, _ metadata: @autoclosure () -> KeyValuePairs<LogKey, LogValue> = [:]
    ) {
        log(.error, message, metadata())
    }

    /// Logs a line; the metadata is computed only when the level is logged.
    public func log(
        _ level: LogLevel, _ message: StaticString,
        _ metadata: @autoclosure () -> KeyValuePairs<LogKey, LogValue> = [:]
    ) {
        guard level >= self.level else { return }
        ring.push(
            LogLine(
                time: EventLoop.wallTime(), level: level, message: message,
                fields: Self.fields(metadata()) + common))
    }

    private static func fields(_ metadata: KeyValuePairs<LogKey, LogValue>) -> [LogLine.Field] {
        metadata.map { LogLine.Field(key: $0.key, value: $0.value.bounded) }
    }
}
