// RUN: not asgc-opt %s --asg-infer-shapes="dims=batch=64" 2>&1 | FileCheck %s --check-prefix=BOUND
// RUN: not asgc-opt %s --asg-infer-shapes="dims=bacth=4" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not asgc-opt %s --asg-infer-shapes="dims=batch" 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not asgc-opt %s --asg-infer-shapes="dims=batch=0" 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not asgc-opt %s --asg-infer-shapes="dims=batch=2,batch=3" 2>&1 | FileCheck %s --check-prefix=TWICE

// BOUND: error: 'asg.graph' op dim 'batch' is at most 32, but option dims says 64
// NAME:  error: option dims: no graph has a run-time dim 'bacth'
// NAME:  note: there is 'batch'
// TEXT:  error: option dims: expected NAME=NUMBER, found 'batch'
// ZERO:  error: option dims: 'batch' is 0, but an extent is at least 1
// TWICE: error: option dims: 'batch' stands twice
module {
  asg.graph @infer(%x: tensor<?xf32, #asg.dims<batch>> {asg.name = "x"})
      -> (tensor<?xf32, #asg.dims<batch>> {asg.name = "y"}) dims = {batch = 32} {
    asg.return %x : tensor<?xf32, #asg.dims<batch>>
  }
}
