internal import CUV

/// What a descriptor is ready for, or what a watch is interested in.
public struct Readiness: OptionSet, Hashable, Sendable {
    /// libuv's bits (`uv_poll_event`).
    public let rawValue: Int32

    /// Makes a set of libuv's bits.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Bytes can be read, or the end.
    public static let readable = Readiness(rawValue: Int32(bitPattern: UV_READABLE.rawValue))
    /// Bytes can be written.
    public static let writable = Readiness(rawValue: Int32(bitPattern: UV_WRITABLE.rawValue))
    /// The other side has shut down its sending half, or the connection is gone.
    public static let disconnected = Readiness(rawValue: Int32(bitPattern: UV_DISCONNECT.rawValue))
}
