@main
enum RevokeWorkerSimulateMain {
    static func main() {}
}
