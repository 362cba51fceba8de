@main
enum RevokeWorkerMain {
    static func main() {}
}
