// RUN: asgc-opt %s --check-semantics --asg-simplify --asg-fuse -o /dev/null
// RUN: not asgc-opt %s --check-semantics --load-pass-plugin=%faulty_pass \
// RUN:   --pass-pipeline='builtin.module(asg-inline-layers,asg-simplify,test-faulty,asg-fuse)' \
// RUN:   2>&1 | FileCheck %s

// The pass that differs is named, and the op, at the line it comes from; none that
// comes later is.
// CHECK: error: pass 'test-faulty' changed what graph 'g' computes: output 'y' is {{.*}} at [{{.*}}], was
// CHECK: semantics.mlir:[[#@LINE+8]]:{{.*}}note: 'asg.sin' is the first op that differs
// CHECK-NOT: asg-fuse

asg.graph @g(%x: tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "x"})
    -> (tensor<?x3xf32, #asg.dims<n, 3>> {asg.name = "y"}) dims = {n = 9} {
  %0 = asg.exp %x : tensor<?x3xf32, #asg.dims<n, 3>>
  %1 = asg.layer "squash" block "tanh" -> tensor<?x3xf32, #asg.dims<n, 3>> {
    %2 = asg.tanh %0 : tensor<?x3xf32, #asg.dims<n, 3>>
    asg.yield %2 : tensor<?x3xf32, #asg.dims<n, 3>>
  }
  %3 = asg.mul %1, %x : tensor<?x3xf32, #asg.dims<n, 3>>
  asg.return %3 : tensor<?x3xf32, #asg.dims<n, 3>>
}
