import CRdKafka

/// The librdkafka that the process has loaded. Any thread.
public enum KafkaLibrary {
    /// The oldest version that works: 2.0.2.
    public static let minimumVersion = KafkaLibraryVersion(major: 2, minor: 0, revision: 2)

    /// The version that is loaded, which can differ from the one compiled with.
    public static var version: KafkaLibraryVersion {
        KafkaLibraryVersion(number: UInt32(bitPattern: rd_kafka_version()))
    }

    /// Whether SASL SCRAM fails against Kafka 4 with "invalid credentials": so it is below 2.6.1 (librdkafka #4895).
    public static var hasBrokenSCRAM: Bool { version.hasBrokenSCRAM }

    /// To be called once at the start.
    /// - Throws: `KafkaVersionError` when the loaded library is too old.
    public static func checkVersion() throws(KafkaVersionError) {
        try check(version)
    }

    static func check(_ version: KafkaLibraryVersion) throws(KafkaVersionError) {
        if version < minimumVersion {
            throw KafkaVersionError(found: version)
        }
    }
}

/// A version of librdkafka.
public struct KafkaLibraryVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The first number.
    public let major: Int
    /// The second number.
    public let minor: Int
    /// The third number.
    public let revision: Int

    /// Makes a version of its three numbers.
    public init(major: Int, minor: Int, revision: Int) {
        self.major = major
        self.minor = minor
        self.revision = revision
    }

    /// Reads `0xMMmmrrxx`, the form of `rd_kafka_version()`; `xx` is left out.
    public init(number: UInt32) {
        self.init(
            major: Int(number >> 24), minor: Int(number >> 16 & 0xff), revision: Int(number >> 8 & 0xff))
    }

    /// Whether SASL SCRAM fails against Kafka 4: below 2.6.1.
    public var hasBrokenSCRAM: Bool { self < KafkaLibraryVersion(major: 2, minor: 6, revision: 1) }

    /// Orders by major, minor, revision.
    public static func < (left: KafkaLibraryVersion, right: KafkaLibraryVersion) -> Bool {
        (left.major, left.minor, left.revision) < (right.major, right.minor, right.revision)
    }

    /// For example `2.0.2`.
    public var description: String { "\(major).\(minor).\(revision)" }
}

/// The loaded librdkafka is too old.
public struct KafkaVersionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The version that is loaded.
    public let found: KafkaLibraryVersion

    /// One sentence for people.
    public var description: String {
        "librdkafka \(KafkaLibrary.minimumVersion) or newer is needed, \(found) is loaded"
    }
}
