#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads the files of a configuration. Blocking: not on an event loop.
public enum ConfigurationFiles {
    /// The largest file with a secret, in bytes.
    public static let maximumSecretSize = 64 << 10

    /// The path of the configuration file: `--config`, or the environment's; nil when neither names one.
    public static func path(arguments: CommandLineArguments, environment: [String: String]) -> String? {
        arguments.configurationPath ?? environment[ConfigurationParser.pathVariable]
    }

    /// Reads the configuration file that the arguments or the environment name; nil when neither does.
    /// - Throws: as `load(_:)`.
    public static func load(
        arguments: CommandLineArguments, environment: [String: String]
    ) throws(ConfigurationError) -> ConfigurationParser.File? {
        guard let path = path(arguments: arguments, environment: environment) else { return nil }
        guard !path.isEmpty else {
            let isFlag = arguments.configurationPath != nil
            throw ConfigurationError([
                ConfigurationProblem(
                    isFlag ? .flag(name: "--config") : .environment(name: ConfigurationParser.pathVariable),
                    "the path is empty", mend: isFlag ? "write the path of a file" : "unset it, or set it to a path")
            ])
        }
        return try load(path)
    }

    /// Checks that a file holds certificates in PEM, as `ca-file` wants them.
    /// - Returns: how many it holds.
    /// - Throws: `ConfigurationError` for a file that cannot be read, is empty, holds no certificate, or holds one whose
    ///   text is damaged.
    public static func certificates(_ path: String) throws(ConfigurationError) -> Int {
        let bytes = try content(path, limit: maximumCertificatesSize)
        guard !bytes.isEmpty else {
            throw error(path, "the file is empty", "write the CA certificates into it, in PEM")
        }
        guard let count = PEMText.certificates(bytes) else {
            throw error(path, "a certificate in the file is damaged", "write the CA certificates into it again, in PEM")
        }
        guard count > 0 else {
            throw error(
                path, "the file holds no certificate in PEM",
                "write the CA certificates into it, each from -----BEGIN CERTIFICATE----- to its end")
        }
        return count
    }

    /// The largest file with certificates, in bytes.
    public static let maximumCertificatesSize = 4 << 20

    /// Reads the configuration file.
    /// - Throws: `ConfigurationError` when it cannot be read or is larger than the parser's limit.
    public static func load(_ path: String) throws(ConfigurationError) -> ConfigurationParser.File {
        let bytes = try content(path, limit: ConfigurationParser.maximumFileSize)
        return ConfigurationParser.File(path: path, bytes: bytes)
    }

    /// Gives Kafka's properties as librdkafka takes them, with secrets read from their files. One LF or CRLF at a
    /// file's end is cut off.
    /// - Throws: `ConfigurationError` for a file that cannot be read, is empty, too large, or not a text. Its content
    ///   is in no message.
    public static func kafkaProperties(
        _ configuration: WorkerConfiguration
    ) throws(ConfigurationError) -> [(name: String, value: Secret)] {
        var result: [(name: String, value: Secret)] = []
        for property in configuration.kafkaProperties {
            switch property.value {
            case .text(let text): result.append((property.name, Secret(text)))
            case .secret(let secret): result.append((property.name, secret))
            case .file(let path):
                let place = PathText.isPath(path) ? path : "kafka.\(property.name)\(KafkaPropertyRules.fileSuffix)"
                result.append((property.name, try secret(path, place)))
            }
        }
        return result
    }

    private static func secret(_ path: String, _ place: String) throws(ConfigurationError) -> Secret {
        var bytes = try content(path, place, limit: maximumSecretSize)
        if bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        }
        guard !bytes.isEmpty else { throw error(place, "the file is empty", "write the secret into it") }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw error(place, "the file is not a text", "write the secret into it as plain UTF-8")
        }
        return Secret(text)
    }

    /// Reads a whole file; `place` stands for it in messages.
    private static func content(
        _ path: String, _ place: String? = nil, limit: Int
    ) throws(ConfigurationError) -> [UInt8] {
        let place = place ?? path
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw error(place, "the path is empty or has a NUL", "write the path of a file")
        }
        // Not blocking: a named pipe would wait for its other end.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw error(place, "cannot open: \(text(errno))", "check the path and the permissions")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw error(place, "cannot read: \(text(errno))", "name a file that can be read")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw error(place, "this is no regular file", "name a file, not a directory, a pipe or a device")
        }
        var result: [UInt8] = []
        var buffer: [UInt8] = Array(repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw error(place, "cannot read: \(text(errno))", "name a file that can be read")
            }
            if count == 0 { return result }
            guard result.count + count <= limit else {
                throw error(place, "the file is larger than \(limit >> 10) KiB", "name the right file")
            }
            result += buffer[..<count]
        }
    }

    private static func text(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }

    private static func error(_ place: String, _ message: String, _ mend: String) -> ConfigurationError {
        ConfigurationError([ConfigurationProblem(.wholeFile(path: place), message, mend: mend)])
    }
}
