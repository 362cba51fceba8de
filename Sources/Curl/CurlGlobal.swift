internal import CCurl
internal import CCurlShims
internal import Glibc
internal import Threads

/// The initialisation of libcurl, once in a process. Any thread.
public enum CurlGlobal {
    private static let isReady = Monitor(false)

    /// Initialises libcurl, if that has not happened yet. Everything that needs it calls this by itself.
    /// - Throws: `CurlError` when this libcurl cannot be used.
    public static func initialize() throws(CurlError) {
        try begin { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }
    }

    /// Initialises libcurl with an allocator that overwrites what it frees, so that no copy of a key stays in freed
    /// memory, and takes `SSLKEYLOGFILE` out of the environment.
    ///
    /// Only for the start of an executable, never for a library: it is the first use of libcurl in the process, before
    /// any other thread runs.
    /// - Throws: `CurlError.initializedBefore` when it is too late; others when this libcurl cannot be used.
    public static func initializeWithWipingAllocator() throws(CurlError) {
        _ = unsafe unsetenv("SSLKEYLOGFILE")
        guard !isReady.withLock({ $0 }) else { throw .initializedBefore }
        try begin { ccurl_global_init_wiping() }
    }

    /// The version of the libcurl of this process, such as `7.88.1`.
    public static var version: String {
        unsafe String(cString: ccurl_version_text())
    }

    private static func begin(_ initialize: () -> CURLcode) throws(CurlError) {
        let failure = isReady.withLock { isReady -> CurlError? in
            guard !isReady else { return nil }
            guard ccurl_version_number() >= UInt32(CCURL_OLDEST_VERSION) else { return .tooOld(version: version) }
            guard ccurl_has_needed_features() else { return .featureMissing }
            let code = initialize()
            if code == CURLE_FAILED_INIT { return .initializedBefore }
            guard code == CURLE_OK else {
                return .failed(operation: "curl_global_init", reason: text(of: code))
            }
            isReady = true
            return nil
        }
        if let failure { throw failure }
    }

    /// libcurl's sentence for a code.
    static func text(of code: CURLcode) -> String { unsafe String(cString: curl_easy_strerror(code)) }
}
