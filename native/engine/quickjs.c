/* SPDX-License-Identifier: Apache-2.0 */
/* QuickJS, and a function that it lacks: preparing its memory for the snapshot (heap.h), in which a page that is written
   to is copied in every process. It needs QuickJS's own structures, so the source is included. patches/0001 changes that
   source so that reference counts stop at JS_IMMORTAL. */

#include <quickjs.c>

#define COUNT_OF_IMMORTAL (JS_IMMORTAL + (JS_IMMORTAL >> 1)) /* far from the limit, whatever the collector subtracts */

static void make_string_immortal(JSValueConst value) {
  if (JS_VALUE_GET_TAG(value) != JS_TAG_STRING) return;
  JSString *string = JS_VALUE_GET_STRING(value);
  string->header.ref_count = COUNT_OF_IMMORTAL;
}

static void make_strings_of_object_immortal(JSObject *object) {
  const JSShapeProperty *properties = get_shape_prop(object->shape);
  for (int i = 0; i < object->shape->prop_count; i++) {
    if (properties[i].atom != JS_ATOM_NULL && (properties[i].flags & JS_PROP_TMASK) == JS_PROP_NORMAL) {
      make_string_immortal(object->prop[i].u.value);
    }
  }
  if (object->class_id == JS_CLASS_ARRAY && object->fast_array) {
    for (uint32_t i = 0; i < object->u.array.count; i++) make_string_immortal(object->u.array.u.values[i]);
  }
}

/* Properties that are made when they are first looked at, which most built-in ones are. */
static void make_lazy_properties(JSContext *context, JSObject *object) {
  for (int i = 0; i < object->shape->prop_count; i++) {
    JSShapeProperty *property = &get_shape_prop(object->shape)[i];
    if (property->atom != JS_ATOM_NULL && (property->flags & JS_PROP_TMASK) == JS_PROP_AUTOINIT) {
      JS_AutoInitProperty(context, object, property->atom, &object->prop[i], property);
    }
  }
}

/* No object that exists now will be freed, nor written to when references to it come and go. */
static void make_immortal(JSRuntime *runtime) {
  struct list_head *element;
  list_for_each(element, &runtime->gc_obj_list) {
    JSGCObjectHeader *header = list_entry(element, JSGCObjectHeader, link);
    /* A shape without a hash is its object's own: it is changed in place, and moves as it grows. */
    if (header->gc_obj_type == JS_GC_OBJ_TYPE_SHAPE && !((JSShape *)header)->is_hashed) continue;
    header->ref_count = COUNT_OF_IMMORTAL;
    if (header->gc_obj_type == JS_GC_OBJ_TYPE_JS_OBJECT) {
      make_strings_of_object_immortal((JSObject *)header);
    } else if (header->gc_obj_type == JS_GC_OBJ_TYPE_FUNCTION_BYTECODE) {
      const JSFunctionBytecode *function = (JSFunctionBytecode *)header;
      for (int i = 0; i < function->cpool_count; i++) make_string_immortal(function->cpool[i]);
    } else if (header->gc_obj_type == JS_GC_OBJ_TYPE_VAR_REF && ((JSVarRef *)header)->is_detached) {
      make_string_immortal(((JSVarRef *)header)->value);
    }
  }
  for (int i = 1; i < runtime->atom_size; i++) {
    JSAtomStruct *atom = runtime->atom_array[i];
    if (!atom_is_free(atom)) atom->header.ref_count = COUNT_OF_IMMORTAL;
  }
}

/* Two builds of the same sources give the same bytes: no address of this process's stack, and no time, stays behind. The
   program sets all of them when it starts: JS_UpdateStackTop, RuntSeedRandom. */
static void forget_this_process(JSContext *context) {
  JSRuntime *runtime = JS_GetRuntime(context);
  runtime->stack_top = 0;
  runtime->stack_limit = 0;
  context->random_state = 1;
}

#ifdef RUNT_REHEARSAL
/* Reads what a search for a shape reads of each: with which others a shape shares its place in the table depends on addresses,
   which the order of a rehearsal changes. */
void RuntLookAtShapes(JSRuntime *runtime) {
  volatile uint32_t seen = 0;
  for (int i = 0; i < runtime->shape_hash_size; i++) {
    for (const JSShape *shape = runtime->shape_hash[i]; shape != NULL; shape = shape->shape_hash_next) seen = shape->hash;
  }
  (void)seen;
}
#endif

/* The seed of Math.random. 0 would give nothing but 0. */
void RuntSeedRandom(JSContext *context, uint64_t seed) { context->random_state = seed == 0 ? 1 : seed; }

/* 0, or -1 without memory. */
int RuntPrepareSnapshot(JSContext *context) {
  JSRuntime *runtime = JS_GetRuntime(context);
  struct list_head *element;
  list_for_each(element, &runtime->gc_obj_list) {
    JSGCObjectHeader *header = list_entry(element, JSGCObjectHeader, link);
    if (header->gc_obj_type == JS_GC_OBJ_TYPE_JS_OBJECT) make_lazy_properties(context, (JSObject *)header);
  }
  JS_RunGC(runtime);
  /* To grow a table later would write to everything that it holds. */
  if (resize_shape_hash(runtime, runtime->shape_hash_bits + 1) < 0) return -1;
  if (JS_ResizeAtomHash(runtime, runtime->atom_hash_size * 2) < 0) return -1;
  make_immortal(runtime);
  forget_this_process(context);
  return 0;
}
