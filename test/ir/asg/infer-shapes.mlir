// RUN: asgc-opt %s --asg-infer-shapes="dims=batch=4" | FileCheck %s
// RUN: asgc-opt %s --asg-infer-shapes="dims=batch=4,seq=3" | FileCheck %s --check-prefix=BOTH
// RUN: asgc-opt %s --asg-infer-shapes | FileCheck %s --check-prefix=NONE

// The signature, the types, the extents in attributes and the bounds change.
// CHECK-LABEL: asg.graph @infer
// CHECK-SAME:    (%{{.*}}: tensor<4x?x8xf32, #asg.dims<4, seq, 8>>
// CHECK-SAME:    -> (tensor<?xf32, #asg.dims<"32*seq">>
// CHECK-SAME:    dims = {seq = 16}
// BOTH-LABEL: asg.graph @infer
// BOTH-SAME:    tensor<4x3x8xf32>
// BOTH-SAME:    -> (tensor<96xf32>
// BOTH-NOT:     dims
// NONE-LABEL: asg.graph @infer
// NONE-SAME:    tensor<?x?x8xf32, #asg.dims<batch, seq, 8>>
// NONE-SAME:    dims = {batch = 32, seq = 16}
module {
  asg.graph @infer(%x: tensor<?x?x8xf32, #asg.dims<batch, seq, 8>> {asg.name = "x"})
      -> (tensor<?xf32, #asg.dims<"8*batch*seq">> {asg.name = "y"}) dims = {batch = 32, seq = 16} {
    // CHECK: asg.tanh %{{.*}} : tensor<4x?x8xf32, #asg.dims<4, seq, 8>>
    // BOTH:  asg.tanh %{{.*}} : tensor<4x3x8xf32>
    %0 = asg.tanh %x : tensor<?x?x8xf32, #asg.dims<batch, seq, 8>>
    // CHECK: asg.dim "4*seq" : tensor<f32>
    // BOTH:  asg.dim "12" : tensor<f32>
    %n = asg.dim "batch*seq" : tensor<f32>
    %1 = asg.broadcast %n dims [] : (tensor<f32>) -> tensor<?x?x8xf32, #asg.dims<batch, seq, 8>>
    %2 = asg.div %0, %1 : tensor<?x?x8xf32, #asg.dims<batch, seq, 8>>
    %3 = asg.reshape %2 : tensor<?x?x8xf32, #asg.dims<batch, seq, 8>> to tensor<?xf32, #asg.dims<"8*batch*seq">>
    asg.return %3 : tensor<?xf32, #asg.dims<"8*batch*seq">>
  }
}
