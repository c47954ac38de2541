// Runs an ONNX model in ONNX Runtime:
//   node run_ort.cjs MODULE MODEL.onnx FOLDER NAME=FILE.npy...
// MODULE is the folder of onnxruntime-node. Writes each output as
// FOLDER/NAME.npy.
const fs = require('fs');
const path = require('path');

const TYPES = {
  '<f4': ['float32', Float32Array],
  '<f8': ['float64', Float64Array],
  '<i4': ['int32', Int32Array],
  '<i8': ['int64', BigInt64Array],
  '|b1': ['bool', Uint8Array],
};

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const descr = header.match(/'descr': '([^']+)'/)[1];
  const shape = header.match(/'shape': \(([^)]*)\)/)[1];
  const dims = shape.split(',').filter((s) => s.trim()).map(Number);
  const data = bytes.buffer.slice(bytes.byteOffset + 10 + length,
                                  bytes.byteOffset + bytes.length);
  const [type, Kind] = TYPES[descr];
  return {type, dims, data: new Kind(data)};
}

function writeNpy(file, tensor) {
  const descr = Object.keys(TYPES).find((d) => TYPES[d][0] === tensor.type);
  const dims = tensor.dims.join(', ') + (tensor.dims.length === 1 ? ',' : '');
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  header += ' '.repeat(63 - (10 + header.length) % 64) + '\n';
  const start = Buffer.from('\x93NUMPY\x01\x00..' + header, 'latin1');
  start.writeUInt16LE(header.length, 8);
  const {buffer, byteOffset, byteLength} = tensor.data;
  fs.writeFileSync(file, Buffer.concat([start, Buffer.from(buffer, byteOffset, byteLength)]));
}

async function main() {
  const [module, model, folder, ...inputs] = process.argv.slice(2);
  const ort = require(path.resolve(module));
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1});
  const feeds = {};
  for (const input of inputs) {
    const equals = input.indexOf('=');
    const {type, data, dims} = readNpy(input.slice(equals + 1));
    feeds[input.slice(0, equals)] = new ort.Tensor(type, data, dims);
  }
  const results = await session.run(feeds);
  fs.mkdirSync(folder, {recursive: true});
  for (const [name, tensor] of Object.entries(results))
    writeNpy(path.join(folder, name + '.npy'), tensor);
}
main();
