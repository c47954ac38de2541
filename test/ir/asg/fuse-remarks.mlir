// RUN: asgc-opt %s --asg-fuse --remarks=fusion 2>&1 | FileCheck %s
// RUN: asgc-opt %s --asg-fuse --remarks=memory 2>&1 | FileCheck %s --check-prefix=OTHER

// CHECK-DAG: fuse-remarks.mlir:[[#@LINE+8]]:{{.*}}asg.mul is not fused with asg.exp: another kernel stands between them
// CHECK-DAG: fuse-remarks.mlir:[[#@LINE+7]]:{{.*}}asg.mul is not fused with asg.dot: it is a library call or a variable
// CHECK-DAG: fuse-remarks.mlir:[[#@LINE+9]]:{{.*}}asg.div is not fused with asg.reduce_sum: every element needs a reduction over other axes than the innermost to be complete
// OTHER-NOT: remark
module {
  asg.graph @g(%x: tensor<4x4xf32> {asg.name = "x"}) -> (tensor<4x4xf32> {asg.name = "y"}) {
    %1 = asg.exp %x : tensor<4x4xf32>
    %2 = asg.dot %1, %1 batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %3 = asg.mul %1, %2 : tensor<4x4xf32>
    %4 = asg.reduce_sum %3 axes [0] : (tensor<4x4xf32>) -> tensor<4xf32>
    %5 = asg.broadcast %4 dims [1] : (tensor<4xf32>) -> tensor<4x4xf32>
    %6 = asg.div %3, %5 : tensor<4x4xf32>
    asg.return %6 : tensor<4x4xf32>
  }
}
