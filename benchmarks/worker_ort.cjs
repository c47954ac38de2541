// Runs one ONNX model in ONNX Runtime on request:
//   node worker_ort.cjs FILE.onnx THREADS NAME=d0xd1 [NAME=...]
// For each line "N" on stdin, runs it N times and prints the seconds of one run
// and the process's peak memory in bytes.
const ort = require('onnxruntime-node');
const readline = require('readline');

async function main() {
  const [file, threads, ...inputs] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
  });
  const feeds = {};
  for (const input of inputs) {
    const [name, shape] = input.split('=');
    const dims = shape.split('x').map(Number);
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++) data[i] = Math.sin(i * 0.37);
    feeds[name] = new ort.Tensor('float32', data, dims);
  }
  // One output buffer for all runs, so that the runtime and not the garbage
  // collector is measured.
  const first = await session.run(feeds);
  const fetches = {output: first.output};
  for await (const line of readline.createInterface({input: process.stdin})) {
    const count = Number(line);
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) await session.run(feeds, fetches);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9 / count;
    console.log(`${seconds} ${process.resourceUsage().maxRSS * 1024}`);
  }
}
main();
