// RUN: asgc-opt %s --asg-fuse=run-at-once | FileCheck %s

// Scalars are one kernel, but those that wait for a product, as a norm of gradients
// may, are another: whoever needs the first does not wait.
// CHECK-LABEL: asg.graph @scalars
asg.graph @scalars(%x: tensor<64xf32> {asg.name = "x"}, %a: tensor<f32> {asg.name = "a"}, %b: tensor<f32> {asg.name = "b"})
    -> (tensor<f32> {asg.name = "norm"}, tensor<f32> {asg.name = "p"}, tensor<f32> {asg.name = "q"}) {
  // CHECK-DAG:  asg.fusion "map" -> tensor<f32> {
  // CHECK-DAG:  asg.fusion "map" -> tensor<f32>, tensor<f32> {
  // CHECK:      asg.return
  %d = asg.dot %x, %x batch [] x [] contract [0] x [0] : (tensor<64xf32>, tensor<64xf32>) -> tensor<f32>
  %norm = asg.sqrt %d : tensor<f32>
  %p = asg.exp %a : tensor<f32>
  %q = asg.tanh %b : tensor<f32>
  asg.return %norm, %p, %q : tensor<f32>, tensor<f32>, tensor<f32>
}
