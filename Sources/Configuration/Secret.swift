/// A text that no description, dump or interpolation shows.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What stands for a secret in print-outs.
    public static let redacted = "<redacted>"

    private let text: String

    /// Wraps a secret.
    public init(_ text: String) { self.text = text }

    /// The secret itself: for the library that needs it, never for a log or an error.
    public func reveal() -> String { text }

    /// Never the secret.
    public var description: String { Self.redacted }
    /// Never the secret.
    public var debugDescription: String { Self.redacted }
    /// Empty, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
